import re
import shlex
from pathlib import Path

import pytest

from adaptoscope.cli import COMMANDS, load_command

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


DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def printed_commands(document: Path) -> list[list[str]]:
    """Commands as a reader would type them, from blocks of code and from code within a line."""
    text = re.sub(r"\\\n\s*", "", document.read_text(encoding="utf-8"))
    found = re.findall(r"(?:^\s*|`)adaptoscope\s+([a-z][^`\n#]*)", text, re.MULTILINE)
    return [shlex.split(command) for command in found]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_printed_commands_and_their_options_exist(document: Path) -> None:
    for name, *rest in printed_commands(document):
        assert name in COMMANDS
        command = load_command(name)
        if rest and rest[0] in getattr(command, "commands", {}):
            command = command.commands[rest.pop(0)]
        known = {option for parameter in command.params for option in parameter.opts}
        known |= {option for parameter in command.params for option in parameter.secondary_opts}
        given = {word.partition("=")[0] for word in rest if word.startswith("--")}
        assert given <= known | {"--help"}, f"{name} {' '.join(rest)}"
