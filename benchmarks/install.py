"""What `pip install .` costs: megabytes and seconds of a fresh virtual environment.

The checkout that this file stands in is installed without extras. The reference is the environment
that runs the benchmark, whatever it holds. Sizes are those of all files, with and without what an
empty environment holds (pip and setuptools).
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

MOST_MB, MOST_SECONDS = 600, 60


def megabytes(folder: Path) -> float:
    """Return the size of all files below a folder; links are not followed."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files) / 1e6


def main() -> None:
    """Install and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    root = Path(__file__).resolve().parents[1]
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        venv.create(folder, with_pip=True)
        empty = megabytes(Path(folder))
        made = time.perf_counter()
        python = Path(folder) / ("Scripts" if os.name == "nt" else "bin") / "python"
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet"]
        subprocess.run([*pip, "install", str(root)], check=True, stdout=subprocess.DEVNULL)
        ended = time.perf_counter()
        whole = megabytes(Path(folder))
        torch = subprocess.run([str(python), "-c", "import torch"], capture_output=True)
    reference = megabytes(Path(sys.prefix))
    found = {
        "figure": whole - empty,
        "reference": reference,
        "ratio": reference / (whole - empty),
        "unit": "MB that the installation adds; the reference is the environment of this benchmark",
        "whole_mb": whole,
        "promised_mb": MOST_MB,
        "seconds": ended - made,
        "seconds_with_the_empty_environment": ended - begun,
        "promised_seconds": MOST_SECONDS,
        "torch_installed": torch.returncode == 0,
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} processors",
    }
    sys.path.insert(0, str(Path(__file__).parent))
    from finished_runs import print_result

    print_result(found, as_json=options.json)


if __name__ == "__main__":
    main()
