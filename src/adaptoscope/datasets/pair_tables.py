"""The tables and the card of a paired-stain folder, gathered from the records of its fields."""

import json
from pathlib import Path

from adaptoscope.datasets.output_folder import RECORDS_FOLDER
from adaptoscope.datasets.paired_stains import (
    PAIR_COLUMNS,
    PairedStainSet,
    PairRecord,
    open_paired_stains,
)
from adaptoscope.datasets.point_tables import write_points
from adaptoscope.datasets.tables import write_table
from adaptoscope.errors import OutputError
from adaptoscope.imageio.files import remove_partial_files, write_text
from adaptoscope.images.cell_centres import as_points


def gather_pairs(folder: Path, title: str, card: str) -> PairedStainSet:
    """Write ``pairs.csv``, ``points.csv`` and the card from the records of the single fields.

    Parameters
    ----------
    folder
        The folder, with its ``records/``.
    card
        Markdown text: where the images come from, their licence and limits.

    Returns
    -------
    PairedStainSet
        The folder as a reader sees it.
    """
    files = sorted((folder / RECORDS_FOLDER).glob("[!.]*.json"))
    fields = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    if not fields:
        raise OutputError(
            f"No image pair was written to {folder}.",
            expected="at least one field",
            found="none",
            remedy="ask for more than 0 fields",
        )
    marked = [field for field in fields if field["points"] is not None]
    if marked:
        write_points(
            folder / "points.csv",
            [
                (given, as_points(field["points"]))
                for field in marked
                for given in dict.fromkeys(Path(pair["input"]).name for pair in field["pairs"])
            ],
        )
    pairs = [PairRecord(**pair) for field in fields for pair in field["pairs"]]
    statistics = f"## Statistics\n\n- Fields: {len(fields)}; image pairs: {len(pairs)}.\n"
    write_text(folder / "README.md", f"# {title}\n\n{card.strip()}\n\n{statistics}")
    rows = [[getattr(pair, column) for column in PAIR_COLUMNS] for pair in pairs]
    write_table(folder / "pairs.csv", PAIR_COLUMNS, rows)
    for below in ("", "images", "masks", RECORDS_FOLDER):
        remove_partial_files(folder / below)
    return open_paired_stains(folder)
