import ast
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import adaptoscope
from adaptoscope.errors import missing_extra
from adaptoscope.imageio.files import write_image

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


def test_every_public_name_is_fetched_lazily_and_known_to_type_checkers() -> None:
    tree = ast.parse((SOURCE / "__init__.py").read_text("utf-8"))
    typed = {
        alias.name: node.module
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == adaptoscope._HOMES
    assert {*typed, "AdaptoscopeError", "__version__"} == set(adaptoscope.__all__)


LIGHT = sorted(set(adaptoscope.__all__) - {"run", "demo", "__version__"})


def test_fetching_what_a_person_does_loads_no_network_library() -> None:
    code = "import adaptoscope\n" + "\n".join(f"adaptoscope.{name}" for name in LIGHT)
    assert modules_after(code).isdisjoint({"torch", "diffusers", "timm", "lightning"})


def test_counting_an_array_loads_no_network_library() -> None:
    code = (
        "import adaptoscope, numpy\n"
        "counter = adaptoscope.load_counter('nuclei')\n"
        "counter.count(numpy.random.default_rng(0).random((64, 64)))"
    )
    assert modules_after(code).isdisjoint({"torch", "diffusers", "timm", "lightning"})


@pytest.mark.parametrize(
    "call",
    [
        "train_counter('out', real='absent')",
        "train_counter('out', real='.', settings={'stepps': 3})",
        "train_stain('out', 'absent')",
        "stylise('absent', 'out', 'style')",
        "learn_style('s.safetensors', 'absent')",
        "adapt_stain('absent', None, 'absent', 'out', method='dann')",
        "adapt_stain('absent', None, 'absent', 'out', method='none')",
        "compare('absent', 'absent')",
    ],
)
def test_what_cannot_work_is_refused_before_a_network_library_is_loaded(call: str) -> None:
    code = (
        "import adaptoscope as ad\n"
        f"try:\n    ad.{call}\nexcept ad.AdaptoscopeError:\n    pass\n"
        "else:\n    raise SystemExit('it was not refused')"
    )
    assert modules_after(code).isdisjoint({"torch", "diffusers", "timm", "lightning"})


def answer_without_torch(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter in which torch and timm are as if not installed."""
    script = f"import sys\nsys.modules['torch'] = sys.modules['timm'] = None\n{code}"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)


def test_learning_without_torch_says_what_to_type(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", np.zeros((8, 8)))
    command = f"['count', 'train', 'out', '--real', {str(tmp_path)!r}]"
    answer = answer_without_torch(f"from adaptoscope.cli import main\nmain({command})")
    assert answer.returncode == 1
    labels = [line.split(":")[0].strip() for line in answer.stderr.splitlines()]
    assert labels == ["error", "expected", "found", "remedy"]
    assert "found: no torch" in answer.stderr
    assert 'pip install "adaptoscope[train]"' in answer.stderr


def test_what_is_missing_is_found_without_importing_it() -> None:
    code = (
        "from adaptoscope.errors import MissingDependencyError, require_training\n"
        "try:\n    require_training('stylising')\n"
        "except MissingDependencyError as error:\n    print(error)\n"
        "print('diffusers' in sys.modules)"
    )
    said = answer_without_torch(code).stdout.splitlines()
    assert said[0] == "Stylising needs packages that are not installed."
    assert said[2] == "  found: no torch, timm"
    assert said[-1] == "False"


def test_another_missing_module_keeps_its_own_error() -> None:
    own = ModuleNotFoundError("No module named 'left_pad'", name="left_pad")
    assert missing_extra(own, "this command") is None
    missing = missing_extra(ModuleNotFoundError(name="torch.nn"), "this command")
    assert missing is not None
    assert missing.found == "no torch"


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
