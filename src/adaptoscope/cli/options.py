"""Options that many commands share, and the two ways of printing an answer."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from adaptoscope.errors import OutputError, SettingsError, printable
from adaptoscope.imageio.json_values import plain, rounded

if TYPE_CHECKING:
    from adaptoscope.datasets.counted_images import CountedImageSet

DeviceName = Literal["auto", "cpu", "cuda", "mps"]

Seed = Annotated[
    int, typer.Option("--seed", min=0, help="The same seed and inputs give the same files.")
]
OptionalSeed = Annotated[
    int | None,
    typer.Option("--seed", min=0, help="In place of the seed of the settings (0 without a file)."),
]
Device = Annotated[
    DeviceName, typer.Option("--device", help="Where networks run; auto takes a GPU if there is.")
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on standard output, nothing else.")
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace what the output folder holds.")
]
Workers = Annotated[
    int, typer.Option("--workers", min=1, help="Processes that share the images of this command.")
]
Root = Annotated[
    Path | None,
    typer.Option("--root", help="A folder that images named by a list may also lie in."),
]
Channel = Annotated[
    int | None,
    typer.Option("--channel", min=0, help="Which channel of colour or multi-channel images."),
]


Z = Annotated[
    str | None, typer.Option("--z", help="Focal plane of stacks: its index from 0, or max.")
]


def plane(text: str | None) -> int | Literal["max"] | None:
    """Turn the option --z into an index or ``max``."""
    if text is None:
        return None
    if text == "max":
        return "max"
    if text.isdecimal():
        return int(text)
    raise SettingsError(
        "The focal plane is not clear.",
        expected="max, or the index of a plane counted from 0",
        found=text,
        remedy="correct --z",
    )


def open_sets(
    folders: Sequence[Path], root: Path | None, channel: int | None, z: str | None
) -> "list[CountedImageSet]":
    """Open several sets of images with the options --root, --channel and --z."""
    from adaptoscope.datasets.counted_images import open_counted_images

    return [open_counted_images(each, root=root, channel=channel, z=plane(z)) for each in folders]


def refuse_folder(option: str, file: Path | None) -> None:
    """Refuse a folder where a file is to be written, before anything is computed.

    Parameters
    ----------
    option
        Name of the option, as ``--table``.
    file
        What it was given; None if it was not.
    """
    if file is not None and file.is_dir():
        raise OutputError(
            f"The option {option} does not name a file.",
            expected="the name of a file to write",
            found=f"the folder {file}",
            remedy=f"give a file name, for example {file / option.lstrip('-')}",
        )


def print_answer(answer: Mapping[str, object], *, as_json: bool, title: str = "") -> None:
    """Print the result of a command for a person, or for a machine.

    Parameters
    ----------
    answer
        Names and values, in the order in which they are to be read. Values are numbers, texts,
        paths, and lists or mappings of such.
    as_json
        One JSON object instead of lines of text; a number that is not finite becomes ``null``.
    title
        A line above the text; not part of the JSON.
    """
    if as_json:
        typer.echo(json.dumps(plain(answer), indent=2, ensure_ascii=False, allow_nan=False))
        return
    if title:
        typer.echo(title)
    width = max((len(name) for name in answer), default=0)
    for name, value in answer.items():
        typer.echo(f"  {name.replace('_', ' '):<{width}}  {_readable(value)}".rstrip())


def _readable(value: object) -> str:
    value = plain(value)
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return rounded(value)
    if isinstance(value, list):
        return ", ".join(_readable(item) for item in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_readable(item)}" for key, item in value.items()) or "none"
    return printable(str(value))
