"""Join the marks of napari, QuPath and Fiji's Cell Counter into one table of cell centres.

``python docs/marks_to_points.py FOLDER`` reads one file of marks for each image from
``FOLDER/marks`` and writes ``FOLDER/points.csv`` and ``FOLDER/counts.csv``, which `count train` and
`convert` take. It needs nothing but Python. The page "Marking cells" tells how to save the marks.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

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
    content: Any = json.loads(path.read_text(encoding="utf-8"))
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


READERS = {".csv": napari_points, ".geojson": qupath_points, ".xml": cell_counter_points}


def main(folder: Path) -> None:
    """Write the two tables of a folder."""
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
        found[images[stem]] = READERS[file.suffix](file)
    rows = [(name, x, y) for name, marks in found.items() for x, y in marks]
    counts = [(name, len(marks)) for name, marks in found.items()]
    for name, columns, lines in (
        ("points.csv", ("image", "x", "y"), rows),
        ("counts.csv", ("image", "count"), counts),
    ):
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([columns, *lines])
    print(f"{folder}: {len(found)} images of {len(images)} marked, {len(rows)} cells")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python marks_to_points.py FOLDER")
    main(Path(sys.argv[1]))
