"""Every field of every settings class says what it means, in a docstring below it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import adaptoscope
from adaptoscope.training.settings import Settings

SOURCE = Path(adaptoscope.__file__).parent


def settings_classes(root: Path) -> dict[str, ast.ClassDef]:
    """Return the classes below a folder that are settings, or derive from such by name."""
    every = [
        node
        for path in sorted(root.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    ]
    found: dict[str, ast.ClassDef] = {}
    known = {Settings.__name__}
    while new := [
        node
        for node in every
        if node.name not in known and {getattr(base, "id", "") for base in node.bases} & known
    ]:
        known |= {node.name for node in new}
        found |= {node.name: node for node in new}
    return found


def undocumented(node: ast.ClassDef) -> Iterator[str]:
    """Yield the fields of a class that no docstring follows."""
    for here, after in zip(node.body, [*node.body[1:], None], strict=True):
        if isinstance(here, ast.AnnAssign) and isinstance(here.target, ast.Name):
            told = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            if not told:
                yield f"{node.name}.{here.target.id}"


def test_every_field_is_documented() -> None:
    classes = settings_classes(SOURCE)
    assert {"PredictSettings", "ModelRecord", "SimulationSettings", "AdaBNSettings"} <= set(classes)
    assert [name for node in classes.values() for name in undocumented(node)] == []


def test_a_field_without_words_is_found(tmp_path: Path) -> None:
    code = 'class Own(Settings):\n    a: int = 1\n    """Told."""\n    b: int = 2\n'
    (tmp_path / "own.py").write_text(code, encoding="utf-8")
    (node,) = settings_classes(tmp_path).values()
    assert list(undocumented(node)) == ["Own.b"]
