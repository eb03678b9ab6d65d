import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import adaptoscope

SOURCE = Path(adaptoscope.__file__).parent

SHARED = {
    "datasets",
    "training",
    "pretrained",
    "networks",
    "inference",
    "imageio",
    "images",
    "metrics",
    "errors",
}
STAGES = {"simulation", "synthesis", "style_transfer", "counting", "translation"}
LAST_STAGES = {"adaptation": {"translation"}}
"""Stages that build on others: an adapted network is the source network, partly learnt anew."""
OVER = {"comparison", "realism", "reporting", "bulk"}
"""What the pipeline uses beside the stages."""
BESIDE = {"datasets", "training", "imageio", "images", "metrics", "errors"}

ALLOWED = {
    "errors": set(),
    "imageio": {"errors"},
    "images": {"imageio", "errors"},
    "metrics": {"errors"},
    "inference": {"errors"},
    "networks": {"inference", "imageio", "errors"},
    "training": {"inference", "imageio", "errors"},
    "pretrained": {"networks", "imageio", "errors"},
    "datasets": {"imageio", "images", "errors"},
    "reporting": BESIDE,
    "bulk": BESIDE,
    "realism": SHARED,
    **dict.fromkeys(STAGES, SHARED | {"bulk"}),
    **{stage: SHARED | {"bulk"} | below for stage, below in LAST_STAGES.items()},
    "comparison": SHARED | {"realism"},
    "pipeline": SHARED | STAGES | set(LAST_STAGES) | OVER,
    "web": {"counting", "datasets", "images", "imageio", "errors"},
    "viewer": SHARED | STAGES | {"pipeline"},
    "cli": SHARED | STAGES | set(LAST_STAGES) | OVER | {"pipeline", "web"},
    "__main__": {"cli"},
    "__init__": {"errors", "imageio", "images", "datasets", "pipeline"},
}
"""What each part may import besides itself. `A: {B}` reads "A imports B"."""


def imported_names(tree: ast.AST, package: str) -> Iterator[str]:
    """Yield every adaptoscope module or name that a file imports, wherever in the file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: 1 - node.level or None] if node.level else []
            module = ".".join([*parents, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if called in {"import_module", "__import__"}:
                yield str(node.args[0].value)


def part_of(path: Path, root: Path) -> str:
    return path.relative_to(root).parts[0].removesuffix(".py")


def violations(root: Path) -> list[str]:
    """List the imports below ``root`` that go against the drawing."""
    found = []
    for path in sorted(root.rglob("*.py")):
        part = part_of(path, root)
        package = ".".join(["adaptoscope", *path.relative_to(root).parent.parts])
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for name in imported_names(tree, package):
            top, _, rest = name.partition(".")
            if top != "adaptoscope" or not rest:
                continue
            target = rest.split(".")[0]
            if target in {part, "__version__"} or target in ALLOWED.get(part, set()):
                continue
            found.append(f"{path.relative_to(root).as_posix()} imports {name}")
    return found


def test_imports_follow_the_drawing() -> None:
    assert violations(SOURCE) == []


def test_every_part_is_in_the_drawing() -> None:
    parts = {part_of(path, SOURCE) for path in SOURCE.rglob("*.py")}
    assert parts - set(ALLOWED) == set()


def test_no_stage_may_import_another_but_adaptation_the_translation() -> None:
    for stage in STAGES:
        assert ALLOWED[stage].isdisjoint(STAGES | set(LAST_STAGES))
    assert {stage: ALLOWED[stage] & STAGES for stage in LAST_STAGES} == {
        "adaptation": {"translation"}
    }


def test_the_drawing_has_no_circle() -> None:
    reached: set[str] = set()
    while len(reached) < len(ALLOWED):
        free = {part for part in set(ALLOWED) - reached if ALLOWED[part] <= reached}
        assert free, f"circle among {sorted(set(ALLOWED) - reached)}"
        reached |= free


PLANTED = {
    "at the top": "from adaptoscope.counting.settings import CountingSettings",
    "of the package itself": "from adaptoscope import counting",
    "as a module": "import adaptoscope.counting.evaluate as evaluate",
    "inside a function": "def f():\n    from adaptoscope.counting import settings\n",
    "for types only": "import typing\nif typing.TYPE_CHECKING:\n    import adaptoscope.counting\n",
    "by its name": "from importlib import import_module\nimport_module('adaptoscope.counting.x')",
    "relative to the package": "from ..counting import settings",
}


@pytest.mark.parametrize("code", PLANTED.values(), ids=PLANTED.keys())
def test_a_planted_import_sideways_is_caught(tmp_path: Path, code: str) -> None:
    (tmp_path / "synthesis").mkdir()
    (tmp_path / "synthesis" / "generate.py").write_text(code)
    (caught,) = violations(tmp_path)
    assert caught.startswith("synthesis/generate.py imports adaptoscope.counting")


def test_a_planted_import_upwards_is_caught(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "files.py").write_text("from adaptoscope.datasets import writing")
    assert violations(tmp_path) == ["images/files.py imports adaptoscope.datasets.writing"]


def test_imports_downwards_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "counting").mkdir()
    (tmp_path / "counting" / "evaluate.py").write_text(
        "import numpy\nfrom adaptoscope.imageio.files import read_image\n"
        "from adaptoscope.counting import settings\n"
    )
    assert violations(tmp_path) == []


def test_the_package_imports_no_study() -> None:
    studies = re.compile(r"^\s*(from|import) experiments\b", re.MULTILINE)
    files = SOURCE.rglob("*.py")
    assert [file.name for file in files if studies.search(file.read_text("utf-8"))] == []
