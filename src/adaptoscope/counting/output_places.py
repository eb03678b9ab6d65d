"""Where the tables of a count may be written: nothing is lost, nothing is read again as labels."""

from pathlib import Path

from adaptoscope.counting.images_to_count import images_to_count
from adaptoscope.errors import OutputError


def refuse_places(out_csv: Path, points: Path | None, images: Path, *, overwrite: bool) -> None:
    """Refuse places where the tables of a count cannot be written.

    Parameters
    ----------
    out_csv, points, images, overwrite
        As in `predict_counts`.

    Raises
    ------
    OutputError
        A table is there already, or cannot be written at this place.
    """
    listed = images_to_count(Path(images))
    if Path(out_csv).is_dir():
        raise OutputError(
            f"The table cannot be written to {out_csv}.",
            expected="a file name, for example counts.csv",
            found="a folder",
            remedy=f"give --out {Path(out_csv) / 'counts.csv'}",
        )
    sources = {place.resolve() for place in (Path(images), listed.folder) if place is not None}
    if points is not None and Path(points).resolve() in sources:
        raise OutputError(
            "The cell centres cannot be written beside the images.",
            expected="another folder, as points.csv there says what a person has marked",
            found=f"--points {points}",
            remedy="choose another folder",
        )
    tables = [Path(out_csv)] + ([] if points is None else [Path(points) / "points.csv"])
    refuse_existing(tables, overwrite=overwrite)


def refuse_existing(files: list[Path], *, overwrite: bool) -> None:
    """Refuse to write over files unless that is asked for.

    Parameters
    ----------
    files
        What is about to be written.
    overwrite
        Whether it may replace what is there.

    Raises
    ------
    OutputError
        If one of the files exists.
    """
    there = [] if overwrite else [file for file in files if file.exists()]
    if there:
        raise OutputError(
            f"The file {there[0]} is there already.",
            expected="a new file",
            found="a file of an earlier run, or of somebody else",
            remedy="choose another name, or replace it with --overwrite",
        )
