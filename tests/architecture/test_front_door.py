import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import adaptoscope

SOURCE = Path(adaptoscope.__file__).parent
HEAVY = {"torch", "pandas", "scipy", "skimage", "matplotlib", "diffusers", "timm", "lightning"}
NETWORK = {"requests", "httpx", "urllib3", "huggingface_hub", "socket"}
HOUSE_LIMIT = 350

REPORT_MODULES = "import json, sys; print(json.dumps(sorted(sys.modules)))"


def modules_after(code: str) -> set[str]:
    """Run code in a fresh interpreter and return the top-level modules that it loaded."""
    script = f"{code}\n{REPORT_MODULES}"
    output = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout
    names = json.loads(output.strip().splitlines()[-1])
    return {str(name).split(".")[0] for name in names}


def test_importing_the_package_loads_neither_networks_nor_the_network() -> None:
    assert modules_after("import adaptoscope").isdisjoint(HEAVY | NETWORK | {"numpy", "typer"})


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], []], ids=["help", "version", "nothing"]
)
def test_help_loads_no_scientific_library(arguments: list[str]) -> None:
    code = (
        "from adaptoscope.cli import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit:\n    pass"
    )
    assert modules_after(code).isdisjoint(HEAVY)


@pytest.mark.parametrize("command", sorted(__import__("adaptoscope.cli").cli.COMMANDS))
def test_help_of_every_command_loads_no_network_library(command: str) -> None:
    code = (
        "from adaptoscope.cli import main\n"
        f"try:\n    main([{command!r}, '--help'])\n"
        "except SystemExit as leaving:\n    assert not leaving.code"
    )
    assert modules_after(code).isdisjoint({"torch", "diffusers", "timm", "lightning"})


def test_the_public_names_are_listed_and_found() -> None:
    assert "run" in dir(adaptoscope)
    assert adaptoscope.AdaptoscopeError.__module__ == "adaptoscope.errors"
    for name in adaptoscope.__all__:
        assert getattr(adaptoscope, name) is not None


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'magic'"):
        getattr(adaptoscope, "magic")  # noqa: B009


def is_passive(node: ast.stmt) -> bool:
    """Say whether a statement of an ``__init__`` only declares something."""
    if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef):
        return True
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.If):
        return getattr(node.test, "id", "") == "TYPE_CHECKING"
    if isinstance(node, ast.Assign | ast.AnnAssign):
        values = node.value
        calls = [] if values is None else [c for c in ast.walk(values) if isinstance(c, ast.Call)]
        return not calls
    return False


def test_no_init_computes() -> None:
    allowed = {"cli/__init__.py"}
    for path in SOURCE.rglob("__init__.py"):
        name = path.relative_to(SOURCE).as_posix()
        if name in allowed:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert [node.lineno for node in tree.body if not is_passive(node)] == [], name


def test_an_init_that_computes_is_caught() -> None:
    code = "import torch\nmodel = torch.load('weights')"
    assert [is_passive(node) for node in ast.parse(code).body] == [True, False]


def test_every_init_says_what_its_folder_is() -> None:
    for path in SOURCE.rglob("__init__.py"):
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path


def test_no_source_file_is_longer_than_the_house_allows() -> None:
    lengths = {
        path.relative_to(SOURCE).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in SOURCE.rglob("*.py")
    }
    assert {name: lines for name, lines in lengths.items() if lines > HOUSE_LIMIT} == {}


def test_nothing_is_called_utils() -> None:
    shared_drawers = {"utils", "util", "helpers", "helper", "misc", "common"}
    assert [path for path in SOURCE.rglob("*") if path.stem in shared_drawers] == []
