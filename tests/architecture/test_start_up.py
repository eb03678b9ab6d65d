"""Each command loads the libraries that it uses, and no others."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

WATCHED = {
    *("imagecodecs", "jinja2", "matplotlib", "numpy", "onnxruntime", "pydantic", "rich", "scipy"),
    *("skimage", "tifffile", "typer", "yaml", "zarr", "h5py", "defusedxml", "safetensors"),
    *("torch", "timm", "diffusers", "transformers", "lightning", "onnx", "huggingface_hub"),
}
"""What the package declares, by the names that are imported."""

REFUSED = {"typer", "pydantic", "numpy"}
"""Of a command that finds a wrong path."""

IMAGES = REFUSED | {"imagecodecs", "scipy"}
"""Of one that reads a PNG and measures something in it."""

NETWORK = IMAGES | {"onnxruntime"}

PREPARE = "simulate a --count 4 --settings field.yaml"
COMMANDS = {
    "--version": {"typer"},
    "count predict a --model dog --out d.csv --workers 1": IMAGES,
    "count predict a --model otsu_watershed --out o.csv": IMAGES | {"skimage"},
    "count predict a --out n.csv": NETWORK,
    "count predict a --out m.csv --overlays o --plot p.png": NETWORK | {"matplotlib"},
    "count predict nowhere": REFUSED,
    "count evaluate nuclei a": NETWORK,
    "count check a --n 4 --out check": NETWORK,
    "count train fitted --real a --head dog": IMAGES | {"yaml"},
    "count train trained --real nowhere": REFUSED,
    "stain train trained --pairs nowhere": REFUSED,
    "compare a a": NETWORK | {"skimage", "matplotlib", "jinja2", "yaml"},
    "compare nowhere a": REFUSED,
    "synthesise drawn --count 1": IMAGES,
    "synthesise drawn --count 1 --like nowhere": REFUSED,
    "screen a --drawings nowhere": REFUSED,
    "convert a converted": IMAGES,
    "convert nowhere converted": REFUSED,
    "run nowhere.yaml": REFUSED | {"yaml"},
    "run wrong.yaml": REFUSED | {"yaml"},
}

CODE = """
import json, sys
from adaptoscope.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def loaded_by(command: str, folder: Path) -> set[str]:
    """Run a command in a process of its own; return which of the libraries it has loaded."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, *command.split()],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    return set(json.loads(done.stdout.splitlines()[-1])) & WATCHED


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("start_up")
    (made / "field.yaml").write_text("{height: 96, width: 96, cell_diameter_px: 12.0}", "utf-8")
    (made / "wrong.yaml").write_text("kind: counting\nstepps: 3\n", "utf-8")
    loaded_by(PREPARE, made)
    return made


@pytest.mark.parametrize(("command", "allowed"), COMMANDS.items(), ids=COMMANDS)
def test_a_command_loads_only_what_it_uses(command: str, allowed: set[str], folder: Path) -> None:
    assert loaded_by(command, folder) <= allowed
