"""No document holds a place that was left to be filled in."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MARKER = re.compile(r"@[A-Z]+@|INSTALL_(MB|S)\b")


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md", *sorted(
    path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")
)])  # fmt: skip
def test_nothing_is_left_to_be_filled_in(page: str) -> None:
    assert MARKER.findall((ROOT / page).read_text(encoding="utf-8")) == []
