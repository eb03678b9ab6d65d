"""A folder of Syn-HC images, each image a task of its own."""

import shutil
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.numbered import check_numbers, write_numbered
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.imageio.files import write_json, write_mask
from adaptoscope.synthesis.generate import SyntheticImage, draw_synthetic
from adaptoscope.synthesis.likeness import measure_set, settings_like
from adaptoscope.synthesis.settings import SynthesisSettings

DOMAIN = "syn-hc"
CARD = """Synthetic images (Syn-HC): ellipses in clusters on a noisy background, drawn by
Algorithm 1 of the InST-Microscopy paper. `points.csv` and `count` give the cells that were placed,
which can be fewer than were asked for; masks give each cell's pixels. All settings stand in
`settings.json`.

Limits: flat ellipses without texture, optics or haze. No real image was copied. Live and dead cells
are not told apart.
"""


def synthesise(
    out: Path,
    settings: SynthesisSettings | None = None,
    count: int = 100,
    seed: int = 0,
    like: CountedImageSet | None = None,
    *,
    held_out: Iterable[CountedImageSet] = (),
    overwrite: bool = False,
    on_image: Callable[[str], None] | None = None,
) -> CountedImageSet:
    """Write a counted-image folder of Syn-HC images.

    Parameters
    ----------
    out
        Folder to write; continued if begun with equal settings.
    settings
        The generator's settings; those of paper 1 if not given.
    seed
        With the number of an image the only source of its randomness.
    like
        Real images whose cell size, density and grey levels are measured and take the place of
        those in `settings`. Of a set with splits, validation and test images are not looked at.
    held_out
        Further sets whose validation and test images must not be measured, recognised by their
        pixels.
    on_image
        Called with the name of each image once it stands.
    """
    check_numbers(count, seed)
    settings = settings or SynthesisSettings()
    measured: dict[str, Any] | None = None
    if like is not None:
        measures = measure_set(like, held_out=(like, *held_out))
        settings, measured = settings_like(measures, settings), asdict(measures)
    kept = {
        "stage": "synthesis",
        "count": count,
        "seed": seed,
        "settings": settings.model_dump(mode="json"),
        "measured": measured,
    }
    title = "Syn-HC: synthetic cells of known number"
    writer = CountedImageWriter(out, kept, title, overwrite=overwrite)
    if overwrite:
        for folder in ("dots", "clusters"):
            shutil.rmtree(Path(out) / folder, ignore_errors=True)

    def draw(name: str, index: int) -> None:
        drawn = draw_synthetic(settings, np.random.default_rng([seed, index]))
        if settings.keep_dot_masks:
            _write_paper_truth(writer.folder, name, drawn)
        writer.add(
            name,
            drawn.pixels,
            bit_depth=settings.bit_depth,
            points=drawn.points,
            mask=drawn.mask,
            pixel_size_um=settings.pixel_size_um,
            cell_diameter_px=settings.cell_diameter_px,
            domain=DOMAIN,
            synthetic=True,
            split="train",
            seed=seed,
        )

    write_numbered(writer, "syn", count, draw, on_image)
    return writer.finish(CARD)


def _write_paper_truth(folder: Path, name: str, drawn: SyntheticImage) -> None:
    write_mask(folder / "dots" / f"{name}.png", drawn.dots())
    centres = [{"x": column, "y": row} for row, column in drawn.cluster_centres.tolist()]
    content = {"requested": drawn.requested, "placed": drawn.count, "cluster_centres": centres}
    write_json(folder / "clusters" / f"{name}.json", content)
