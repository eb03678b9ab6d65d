"""A report as one HTML file that needs nothing else: no script, no font, no network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from adaptoscope.imageio.files import write_text
from adaptoscope.reporting.figures import Picture
from adaptoscope.reporting.tables import Table


@dataclass(frozen=True)
class Paragraph:
    """Some sentences.

    Parameters
    ----------
    text
        Shown as it stands; what stands between two backticks, such as a command, is set as code.
    role
        ``lead`` is the main result in words, ``note`` something kept visibly apart, such as
        published figures that are not comparable.
    """

    text: str
    role: str = "text"

    @property
    def parts(self) -> list[tuple[str, bool]]:
        """The text in parts, and whether each is code."""
        pieces = self.text.split("`")
        if len(pieces) % 2 == 0:  # A backtick without its other half is only a sign.
            pieces[-2:] = [f"{pieces[-2]}`{pieces[-1]}"]
        return [(piece, place % 2 == 1) for place, piece in enumerate(pieces) if piece]


@dataclass(frozen=True)
class GalleryColumn:
    """One column of a gallery.

    Parameters
    ----------
    title
        What its pictures have in common.
    empty
        Says so below the gallery if there is none; such a column takes no room.
    """

    title: str
    pictures: Sequence[Picture]
    empty: str = "none"


@dataclass(frozen=True)
class Gallery:
    """Pictures in columns side by side; columns without any are only mentioned."""

    columns: Sequence[GalleryColumn]
    caption: str = ""

    @property
    def shown(self) -> list[GalleryColumn]:
        """The columns that hold pictures."""
        return [column for column in self.columns if column.pictures]

    @property
    def height(self) -> int:
        """Number of rows."""
        return max((len(column.pictures) for column in self.columns), default=0)

    @property
    def below(self) -> str:
        """The caption, and what empty columns say."""
        empty = [column for column in self.columns if not column.pictures]
        said = (f"{column.title}: {column.empty}." for column in empty)
        return " ".join([self.caption, *said]).strip()


@dataclass(frozen=True)
class Listing:
    """Lines to be read as they stand, such as settings."""

    text: str
    title: str = ""


@dataclass(frozen=True)
class Facts:
    """Names and values, such as files and their hashes.

    Parameters
    ----------
    values
        Shown in the given order.
    """

    values: Mapping[str, str]
    title: str = ""


Block = Paragraph | Table | Picture | Gallery | Listing | Facts


@dataclass(frozen=True)
class Section:
    """A part of a report.

    Parameters
    ----------
    blocks
        What it holds, from top to bottom.
    """

    title: str
    blocks: Sequence[Block]


class Report:
    """A report that grows section by section and is then written whole.

    Parameters
    ----------
    subtitle
        To which images, with which seed.
    """

    def __init__(self, title: str, subtitle: str = "") -> None:
        self.title = title
        self.subtitle = subtitle
        self.sections: list[Section] = []

    def add(self, title: str, *blocks: Block) -> None:
        """Append a section with its blocks."""
        self.sections.append(Section(title, blocks))

    def render(self) -> str:
        """Return the page. Equal content gives equal text; every text is escaped."""
        template = _environment().get_template("report.html.jinja")
        return template.render(report=self)

    def write(self, path: Path) -> None:
        """Write the page, whole or not at all.

        Parameters
        ----------
        path
            Usually ``report.html`` in a run folder.
        """
        write_text(path, self.render())


def settings_listing(settings: Mapping[str, object], title: str = "") -> Listing:
    """Show settings as YAML.

    Parameters
    ----------
    settings
        Plain values, as ``model_dump(mode="json")`` gives them; the order is kept.
    """
    text = yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True)
    return Listing(text, title)


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("adaptoscope.reporting"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["kind"] = lambda block: type(block).__name__.lower()
    return environment
