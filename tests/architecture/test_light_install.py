"""What finished models need works in an installation without the extra ``train``."""

import json
import os
import subprocess
import sys
from pathlib import Path

from adaptoscope.errors import missing_extra

TRAIN = (
    "torch",
    "timm",
    "diffusers",
    "transformers",
    "lightning",
    "huggingface_hub",
    "onnx",
    "safetensors",
)

CODE = """
import contextlib, io, json, sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Hidden())
from adaptoscope.cli import main

for command in {commands!r}:
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            main(command.split())
        code = 0
    except SystemExit as left:
        code = left.code or 0
    print(json.dumps([command, code, said.getvalue()]))
"""

LIGHT = (
    "simulate a --count 4 --settings field.yaml --seed 0",
    "simulate b --count 4 --settings field.yaml --seed 1",
    "count predict a --out n.csv --points points --overlays overlays --plot plot.png",
    "count predict a --out d.csv --model dog",
    "count predict a --out o.csv --model otsu_watershed",
    "count evaluate nuclei a --report count.html",
    "count train fitted --real a --head nuclei",
    "count predict b --model fitted --out f.csv",
    "count check a --n 4 --out check",
    "compare a b --report compare.html",
    "synthesise drawn --count 2 --seed 1",
    "doctor",
)

LEARNING = (
    "style learn s.safetensors --images a",
    "stylise a c --style s.safetensors",
    "count train trained --real a",
    "stain train trained --pairs pairs",
    "demo --quick",
    "upgrade a",
)


def run_without(
    names: tuple[str, ...], commands: tuple[str, ...], folder: Path
) -> list[tuple[str, int, str]]:
    """Run commands in a process that has none of some libraries; return codes and errors."""
    (folder / "field.yaml").write_text("{height: 128, width: 128, cell_diameter_px: 12.0}", "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(names=set(names), commands=commands)],
        capture_output=True,
        text=True,
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


def test_commands_that_learn_nothing_need_no_torch(tmp_path: Path) -> None:
    outcomes = run_without(TRAIN, LIGHT, tmp_path)
    assert [command for command, _, _ in outcomes] == list(LIGHT)
    assert [outcome for outcome in outcomes if outcome[1] != 0] == []
    assert (tmp_path / "f.csv").is_file()


def test_commands_that_learn_say_what_to_install(tmp_path: Path) -> None:
    made = ("simulate a --count 2 --settings field.yaml", "simulate pairs --pairs --count 1")
    outcomes = run_without(TRAIN, made + LEARNING, tmp_path)
    assert [command for command, _, _ in outcomes] == [*made, *LEARNING]
    for command, code, said in outcomes[len(made) :]:
        assert code == 1, command
        assert 'pip install "adaptoscope[train]"' in said, command


def test_a_file_format_that_is_not_installed_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.zarr").mkdir()
    ((_, code, said),) = run_without(("zarr",), ("count predict a.zarr",), tmp_path)
    assert code == 1
    assert "Traceback" not in said


def test_only_libraries_of_an_extra_are_explained() -> None:
    found = missing_extra(ModuleNotFoundError("no", name="torch.nn"), "this")
    assert found is not None
    assert "train" in found.remedy
    assert missing_extra(ModuleNotFoundError("no", name="left_pad"), "this") is None
    assert missing_extra(ModuleNotFoundError("no"), "this") is None
