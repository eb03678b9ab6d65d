"""Join the marks of napari, QuPath and Fiji's Cell Counter into one table of cell centres.

``python docs/marks_to_points.py FOLDER`` reads one file of marks for each image from
``FOLDER/marks`` and writes ``FOLDER/points.csv`` and ``FOLDER/counts.csv``, which `count train` and
`convert` take. Tables that are there already are replaced only with ``--overwrite``. It needs
nothing but Python. The page "Marking cells" tells how to save the marks.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

TABLES = ("points.csv", "counts.csv")
IMAGES = (".tif", ".tiff", ".png")
CORNER_TO_CENTRE = 0.5
"""QuPath counts from the corner of the first pixel; the table counts from its centre."""

Marks = list[tuple[float, float]]


def napari_points(path: Path) -> Marks:
    """Read a points layer that was saved as CSV: axis-0 is the row, axis-1 the column."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        table = csv.DictReader(file)
        columns = table.fieldnames or []
        if not {"axis-0", "axis-1"} <= set(columns) or "axis-2" in columns:
            sys.exit(f"{path}: expected the columns axis-0 and axis-1, found {columns}")
        return [(float(row["axis-1"]), float(row["axis-0"])) for row in table]


def qupath_points(path: Path) -> Marks:
    """Read the points of a GeoJSON file; areas are refused, since a point is one cell."""
    content: Any = json.loads(path.read_text(encoding="utf-8-sig"))
    features = content.get("features", [content]) if isinstance(content, dict) else content
    marks: Marks = []
    for feature in features:
        kind, places = feature["geometry"]["type"], feature["geometry"]["coordinates"]
        if kind not in ("Point", "MultiPoint"):
            sys.exit(f"{path}: expected points, found a {kind}; delete it in QuPath, export again")
        pairs = [places] if kind == "Point" else places
        marks += [(x - CORNER_TO_CENTRE, y - CORNER_TO_CENTRE) for x, y, *_ in pairs]
    return marks


def cell_counter_points(path: Path) -> Marks:
    """Read the markers of all types; they are whole pixels."""
    # Python's own parser expands entities; such a file was not written by Cell Counter.
    from xml.etree import ElementTree

    text = path.read_text(encoding="utf-8")
    if "<!ENTITY" in text:
        sys.exit(f"{path}: not a file of Cell Counter")
    markers = ElementTree.fromstring(text.encode()).iter("Marker")
    return [(float(m.findtext("MarkerX", "")), float(m.findtext("MarkerY", ""))) for m in markers]


def read_marks(path: Path) -> Marks:
    """Read the marks of one image, or stop and say that the file is damaged."""
    try:
        return READERS[path.suffix](path)
    except (OSError, SyntaxError, ValueError, LookupError, TypeError, AttributeError) as error:
        what = f"{type(error).__name__}: {error}"
        sys.exit(f"{path}: the marks cannot be read ({what}); export them again")


READERS = {".csv": napari_points, ".geojson": qupath_points, ".xml": cell_counter_points}


def main(folder: Path, *, overwrite: bool = False) -> None:
    """Write the two tables of a folder."""
    if not folder.is_dir():
        sys.exit(f"{folder}: there is no such folder")
    if not (folder / "marks").is_dir():
        sys.exit(f"{folder}: holds no folder marks, into which the files of marks belong")
    there = [str(folder / name) for name in TABLES if (folder / name).exists()]
    if there and not overwrite:
        what = " and ".join(there)
        sys.exit(f"{what}: there already; move away what you need, or give --overwrite to replace")
    places = [folder / "images", folder]
    home = next(place for place in places if place.is_dir())
    images = {file.stem: file.name for file in home.iterdir() if file.suffix.lower() in IMAGES}
    files = sorted(file for file in (folder / "marks").iterdir() if file.suffix in READERS)
    if not files:
        sys.exit(f"{folder / 'marks'} holds no .csv, .geojson or .xml")
    found: dict[str, Marks] = {}
    for file in files:
        stem = file.stem.removeprefix("CellCounter_")
        if stem not in images:
            sys.exit(f"{file}: no image {stem}.tif or .png in {home}; rename the file of marks")
        if images[stem] in found:
            sys.exit(f"{file}: a second file of marks for {images[stem]}")
        found[images[stem]] = read_marks(file)
    rows = [(name, x, y) for name, marks in found.items() for x, y in marks]
    counts = [(name, len(marks)) for name, marks in found.items()]
    headed = [[("image", "x", "y"), *rows], [("image", "count"), *counts]]
    for name, lines in zip(TABLES, headed, strict=True):
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(lines)
    print(f"{folder}: {len(found)} images of {len(images)} marked, {len(rows)} cells")


if __name__ == "__main__":
    given = [each for each in sys.argv[1:] if each != "--overwrite"]
    if len(given) != 1 or given[0].startswith("-"):
        sys.exit("usage: python marks_to_points.py FOLDER [--overwrite]")
    main(Path(given[0]), overwrite="--overwrite" in sys.argv)
