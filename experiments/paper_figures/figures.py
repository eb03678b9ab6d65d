"""The figures themselves: what is drawn, stylised and laid out for each."""

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from adaptoscope.datasets.counted_images import CountedImageSet, open_counted_images
from adaptoscope.metrics.point_matching import match_points
from adaptoscope.reporting.figures import Picture
from adaptoscope.reporting.sheet import Tile, sheet
from adaptoscope.reporting.tables import Table, number
from adaptoscope.style_transfer.screening.structure import RADIUS_IN_DIAMETERS, find_cells

FAILURES = {
    "artefacts": "not like cells",
    "background": "amplified background",
    "incomplete": "incomplete transfer",
}
"""Kinds of failure in figure 4 of paper 1, by the reason that screening gives."""

_ROW_LENGTH = 7


def figure_2(rows: dict[str, tuple[CountedImageSet, Path, Path]], pairs: int) -> Picture:
    """Lay out figure 2: a real image of each density class, drawings, and the same stylised.

    Parameters
    ----------
    rows
        By class: its real training images, the folder of drawings, and of stylised images.
    pairs
        Drawings shown of each class.
    """
    laid_out = []
    for real, drawn, made in rows.values():
        drawings, stylised = open_counted_images(drawn), open_counted_images(made)
        example = list(real)[len(real) // 2]
        seen = real.read(example).pixels
        side = drawings.size(drawings.records[0])
        tiles = [Tile(_centre(seen, side), "real")]
        by_layout = {record.layout: record for record in stylised}
        shown = [record for record in drawings if record.name in by_layout][:pairs]
        for record in shown:
            tiles.append(Tile(drawings.read(record).pixels, f"drawing, {record.count}"))
            tiles.append(Tile(stylised.read(by_layout[record.name]).pixels, "stylised"))
        laid_out.append(tiles)
    return sheet(
        laid_out,
        names=list(rows),
        alt="Real images, drawings and stylised drawings of low, medium and high cell density.",
        caption="Figure 2 of paper 1 on these images: one row for each density class; numbers are "
        "cells drawn.",
    )


def figure_3(
    drawings: CountedImageSet, stylised: CountedImageSet, diameter: float
) -> tuple[Picture, Table]:
    """Lay out figure 3: ever more cells, and boxes around what is not where it was drawn.

    Parameters
    ----------
    drawings, stylised
        One image for each step, in order.
    diameter
        Cell diameter in pixels.

    Returns
    -------
    tuple
        The figure, and by step the cells drawn, found, invented and lost.
    """
    upper, lower, rows = [], [], []
    for step, (drawn, made) in enumerate(zip(drawings, stylised, strict=True), 1):
        points, shown = drawings.points(drawn), stylised.read(made).pixels
        found = find_cells(shown)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            match = match_points(found, points, RADIUS_IN_DIAMETERS * diameter)
        invented = np.delete(found, match.pairs[:, 0], axis=0)
        lost = np.delete(points, match.pairs[:, 1], axis=0)
        boxes = [
            (float(row), float(column), diameter, kind)
            for kind, places in (("invented", invented), ("lost", lost))
            for row, column in places
        ]
        upper.append(Tile(drawings.read(drawn).pixels, f"step {step}: {len(points)}"))
        lower.append(Tile(shown, f"found {len(found)}", boxes))
        rows.append((str(step), *map(str, (len(points), len(found), len(invented), len(lost)))))
    laid_out = [
        part[start : start + _ROW_LENGTH]
        for start in range(0, len(upper), _ROW_LENGTH)
        for part in (upper, lower)
    ]
    picture = sheet(
        laid_out,
        names=["drawing", "stylised"] * (len(laid_out) // 2),
        alt=f"Drawings with one cell more at each of {len(upper)} steps, and stylised.",
        caption="Figure 3 of paper 1 on these images. Boxes are set by the detector that judges "
        "structure: pink, a cell that was not drawn; yellow, a drawn cell that is not found.",
    )
    table = Table(("Step", "Drawn", "Found", "Invented", "Lost"), tuple(rows))
    return picture, table


def figure_4(made: Mapping[str, Path], drawings: CountedImageSet) -> tuple[Picture | None, Table]:
    """Show one image of each kind of failure, and count the kinds.

    Parameters
    ----------
    made
        Folders of stylised and screened images, by what tells their settings apart.
    drawings
        Their drawings.

    Returns
    -------
    tuple
        The figure, or none if no image failed in one of these ways; and the number of images of
        each reason in each folder.
    """
    by_name = {record.name: record for record in drawings}
    named = {
        name: open_counted_images(folder, include_rejected=True) for name, folder in made.items()
    }
    sets = list(named.values())
    tiles: list[list[Tile | None]] = [[], []]
    provoked = []
    for reason, words in FAILURES.items():
        found = next(((s, r) for s in sets for r in s if r.reject_reason == reason), None)
        if found is not None:
            images, record = found
            drawing = by_name[record.layout or ""]
            tiles[0].append(Tile(drawings.read(drawing).pixels, words))
            tiles[1].append(Tile(images.read(record).pixels, record.name))
            settings = next(name for name, images_of in named.items() if images_of is images)
            provoked.append(f"{words.capitalize()}: with the settings {settings}.")
    reasons = sorted({str(r.reject_reason) for s in sets for r in s if r.kept is False})
    rows = tuple(
        (
            name,
            str(len(images)),
            str(sum(record.kept is not False for record in images)),
            *(str(sum(r.reject_reason == reason for r in images)) for reason in reasons),
        )
        for name, images in named.items()
    )
    refused = (f"Refused: {reason.replace('_', ' ')}" for reason in reasons)
    table = Table(("Settings", "Images", "Kept", *refused), rows)
    if not tiles[0]:
        return None, table
    picture = sheet(
        tiles,
        names=("drawing", "stylised"),
        alt=f"Failures: {', '.join(str(tile.title) for tile in tiles[0] if tile)}.",
        caption="Figure 4 of paper 1 on these images: the first image of each kind that screening "
        f"refuses. {' '.join(provoked)}",
    )
    return picture, table


def table_1(sets: dict[str, CountedImageSet]) -> Table:
    """Lay out Table I: number of images, cells in an image, size."""
    rows = []
    for name, images in sets.items():
        if not len(images):
            rows.append((name, "0", number(float("nan")), number(float("nan"))))
            continue
        counts = images.counts()
        sizes = {images.size(record) for record in images}
        height, width = sizes.pop() if len(sizes) == 1 else (0, 0)
        sd = number(float(counts.std(ddof=1)) if len(counts) > 1 else float("nan"))
        rows.append(
            (
                name,
                str(len(images)),
                f"{number(float(counts.mean()))} ± {sd}",
                f"{height} x {width}" if height else "several",
            )
        )
    return Table(("Data set", "Images", "Cells in an image, mean ± sd", "Size"), tuple(rows))


def _centre(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    height, width = (min(own, wanted) for own, wanted in zip(pixels.shape, size, strict=True))
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return pixels[top : top + height, left : left + width]
