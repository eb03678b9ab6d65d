"""Whatever the code imports is declared, so that a fresh installation has it."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = {"adaptoscope", "experiments", "tests"}


def imported(*folders: Path) -> set[str]:
    """Collect the outermost names of all foreign packages that files in the folders import."""
    names: set[str] = set()
    for file in (file for folder in folders for file in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                names.add(node.module.partition(".")[0])
    beside = {file.stem for folder in folders for file in folder.rglob("*.py")}
    return names - OURS - beside - set(sys.stdlib_module_names)


def canonical(name: str) -> str:
    """Return a distribution's name in the one spelling that packaging compares by."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(*extras: str) -> set[str]:
    """Return the distributions that ``pyproject.toml`` names, with those of some extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = list(project["dependencies"])
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    return {canonical(re.split(r"[\s<>=!~;\[]", line, maxsplit=1)[0]) for line in lines}


def undeclared(names: set[str], known: set[str]) -> set[str]:
    """Return those imported packages that no declared distribution provides.

    One that is not installed is taken for a distribution of its own name.
    """
    found = packages_distributions()
    providers = {name: {canonical(each) for each in found.get(name, [name])} for name in names}
    return {name for name in names if not known & providers[name]}


def test_the_package_imports_only_what_it_declares() -> None:
    assert (
        undeclared(imported(ROOT / "src"), declared("train", "formats", "web", "viewer")) == set()
    )


def test_tests_and_benchmarks_import_only_what_is_declared() -> None:
    folders = (ROOT / "tests", ROOT / "benchmarks", ROOT / "experiments")
    assert (
        undeclared(imported(*folders), declared("train", "formats", "web", "viewer", "test"))
        == set()
    )


@pytest.mark.parametrize("line", ["import left_pad", "def f():\n    from left_pad import pad"])
def test_a_package_that_is_not_declared_is_found(tmp_path: Path, line: str) -> None:
    (tmp_path / "module.py").write_text(line, encoding="utf-8")
    assert undeclared(imported(tmp_path), declared("test")) == {"left_pad"}
