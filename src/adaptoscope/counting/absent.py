"""Whether there is anything to count at a path, asked before anything else is loaded."""

from pathlib import Path

from adaptoscope.errors import InputError


def refuse_absent(place: Path) -> None:
    """Refuse a path at which nothing is."""
    if not (place.is_file() or place.is_dir()):
        raise InputError(
            f"There is nothing to count at {place}.",
            expected="an image or a folder of images",
            found="no such file or folder",
            remedy="check the path",
        )
