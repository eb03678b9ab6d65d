import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAPER_MAP = (ROOT / "docs" / "paper_map.md").read_text(encoding="utf-8")
MAPPED = sorted(set(re.findall(r"`([\w/]+\.(?:py|yaml))`", PAPER_MAP)))


def test_the_paper_map_names_files() -> None:
    assert len(MAPPED) > 10


@pytest.mark.parametrize("path", MAPPED)
def test_every_file_of_the_paper_map_exists(path: str) -> None:
    bases = (ROOT, ROOT / "tests", ROOT / "src" / "adaptoscope")
    assert any((base / path).is_file() for base in bases)


def test_the_readme_shows_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make demo" in readme
    assert "make test" in readme


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_between_documents_lead_somewhere(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    assert links or document == "CHANGELOG.md"
    assert [link for link in links if not (ROOT / link).exists()] == []
