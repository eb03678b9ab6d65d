"""The notebook and the Python blocks of the documents run, with the front door alone."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest

import adaptoscope as ad

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "examples" / "front_door.ipynb"
RUN = re.compile(r"<!-- run -->\n```python\n(.*?)```", re.DOTALL)
DOCUMENTS = {
    path.relative_to(ROOT).as_posix(): blocks
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    if (blocks := RUN.findall(path.read_text(encoding="utf-8")))
}


def code_cells() -> list[str]:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, without a display."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    mpl.use("Agg")
    return tmp_path


def test_some_documents_hold_python() -> None:
    assert "docs/api.md" in DOCUMENTS


@pytest.mark.parametrize("document", DOCUMENTS)
def test_python_in_documents_runs(document: str, desk: Path) -> None:
    ad.simulate(desk / "labelled", count=3, settings={"height": 128, "width": 128})
    # A folder of one's own holds files and nothing else.
    (desk / "my_images").mkdir()
    for file in (desk / "labelled" / "images").iterdir():
        (desk / "my_images" / file.name).write_bytes(file.read_bytes())
    known: dict[str, Any] = {}
    for block in DOCUMENTS[document]:
        exec(compile(block, document, "exec"), known)


def test_the_notebook_has_ten_cells_without_outputs() -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(code) == 10
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code)


def test_the_notebook_needs_the_front_door_alone() -> None:
    imported = {
        name
        for code in code_cells()
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
        )
    }
    assert imported == {"adaptoscope", "matplotlib.pyplot"}


def test_the_notebook_runs(desk: Path) -> None:
    known: dict[str, Any] = {}
    for number, code in enumerate(code_cells(), start=1):
        exec(compile(code, f"cell {number}", "exec"), known)
    assert known["trained"].measured["n"] == 3
    assert known["table"].summary.images == 12
    assert len((desk / "counts.csv").read_text("utf-8").splitlines()) == 13
    assert known["screened"].n == 4
    assert known["predicted"]["dapi"].shape == (256, 256)
    assert (desk / "adapted" / "model.json").is_file()
