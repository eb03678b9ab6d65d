"""What a command costs before it counts: processor seconds and memory of whole processes.

Each process is a fresh one with one thread: a wrong path, a wrong field of an experiment file, and
one image of 600 x 800 pixels counted with `dog` and with `nuclei`. The reference is
`python -c "import torch"` in the same run, the least that a counter in torch would cost. The figure
of the whole is that of `nuclei`.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

MOST_RATIO = {"nuclei": 0.5, "dog": 0.4, "wrong path": 0.2, "wrong field": 0.2}
"""What is promised, as shares of the reference."""

MOST_MB = 350


def processor_seconds(command: list[str]) -> tuple[float, float]:
    """Run a process to its end; return its processor seconds and its peak memory in MB."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, _, used = os.wait4(process.pid, 0)
        process.returncode = 0
    unit = 1 if sys.platform == "darwin" else 1024
    return used.ru_utime + used.ru_stime, used.ru_maxrss * unit / 1e6


def commands(folder: Path) -> dict[str, list[str]]:
    """Make what is counted; return the commands by name."""
    program = [sys.executable, "-m", "adaptoscope"]
    (folder / "field.yaml").write_text("{height: 600, width: 800, cell_diameter_px: 12.0}\n")
    drawn = [str(folder / "images"), "--count", "1", "--settings", str(folder / "field.yaml")]
    subprocess.run([*program, "simulate", *drawn], check=True, stdout=subprocess.DEVNULL)
    (folder / "wrong.yaml").write_text("kind: counting\nstepps: 3\n", encoding="utf-8")
    image = next((folder / "images" / "images").iterdir())
    counted = [*program, "count", "predict", str(image), "--overwrite", "--out"]
    return {
        "nuclei": [*counted, str(folder / "nuclei.csv")],
        "dog": [*counted, str(folder / "dog.csv"), "--model", "dog"],
        "wrong path": [*program, "count", "predict", str(folder / "absent")],
        "wrong field": [*program, "run", str(folder / "wrong.yaml")],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    os.environ |= {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    reference = [sys.executable, "-c", "import torch"]
    with tempfile.TemporaryDirectory() as folder:
        made = {"import torch": reference, **commands(Path(folder))}
        runs: dict[str, list[tuple[float, float]]] = {name: [] for name in made}
        for _ in range(options.repeats):
            for name, command in made.items():
                runs[name].append(processor_seconds(command))
    least = {name: min(seconds for seconds, _ in each) for name, each in runs.items()}
    table: dict[str, dict[str, Any]] = {
        name: {
            "processor_seconds": round(least[name], 3),
            "ratio": round(least[name] / least["import torch"], 3),
            "peak_mb": round(max(memory for _, memory in each)),
            "promised_ratio": MOST_RATIO.get(name),
        }
        for name, each in runs.items()
    }
    found = {
        "figure": least["nuclei"],
        "reference": least["import torch"],
        "ratio": least["nuclei"] / least["import torch"],
        "unit": "processor seconds of a whole process, one thread, least of all repeats",
        "promised_mb": MOST_MB,
        "table": table,
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} processors",
    }
    # Only now: a child's peak memory is never less than that of the process which began it.
    sys.path.insert(0, str(Path(__file__).parent))
    from finished_runs import print_result

    print_result(found, as_json=options.json)


if __name__ == "__main__":
    main()
