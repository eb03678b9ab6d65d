"""Figure 3: drawings with one cell more at each step, stylised with one and the same noise."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.errors import SettingsError
from adaptoscope.style_transfer.backbones.protocol import Backbone
from adaptoscope.style_transfer.settings import StylisationSettings
from adaptoscope.style_transfer.style_file import Style
from adaptoscope.style_transfer.stylise import Drawing, stylise_batch
from adaptoscope.synthesis.generate import SyntheticImage, draw_synthetic
from adaptoscope.synthesis.settings import SynthesisSettings


def growing_drawings(
    settings: SynthesisSettings, first: int, steps: int, seed: int
) -> list[SyntheticImage]:
    """Draw images of which each has one cell more than the one before, all else equal.

    One cluster and a fixed count make Algorithm 1 place the same cells in the same order.

    Raises
    ------
    SettingsError
        If not all cells find room.
    """
    one = settings.changed(
        clusters=(1, 1),
        cluster_spread=(0.22, 0.22),
        count_sd=0.0,
        cells_per_mpx_quantiles=(),
    )
    wanted = range(first, first + steps)
    drawn = [
        draw_synthetic(one.changed(count_mean=float(count)), np.random.default_rng(seed))
        for count in wanted
    ]
    if drawn[-1].count < wanted[-1]:
        raise SettingsError(
            "Figure 3 needs one cell more at each step, and they do not all find room.",
            expected=f"room for {wanted[-1]} cells",
            found=f"{drawn[-1].count} cells on {one.width} x {one.height} pixels",
            remedy="take fewer `steps`, fewer `first_cells`, or larger `drawings`",
        )
    return drawn


def write_growing(
    out: Path,
    drawn: Sequence[SyntheticImage],
    settings: SynthesisSettings,
    style: Style,
    backbone: Backbone,
    how: StylisationSettings,
) -> None:
    """Stylise growing drawings one by one, and write both to the folders of the figure.

    All are stylised under one name, from which the noise comes: what differs between two steps is
    then the cell that was added, and what it brings about.

    Parameters
    ----------
    out
        Gets the folders ``drawings`` and ``stylised``.
    drawn
        From `growing_drawings`.
    settings
        Those of the drawings.
    style, backbone, how
        As `stylise_batch` takes them; one attempt is made of each.
    """
    kept = {
        "drawings": settings.model_dump(mode="json"),
        "stylisation": how.model_dump(mode="json"),
    }
    folders = {
        name: CountedImageWriter(out / name, kept, f"Figure 3, {name}")
        for name in ("drawings", "stylised")
    }
    for step, image in enumerate(drawn, 1):
        name = f"step_{step:02d}"
        drawing = Drawing("growing.png", image.pixels, image.mask, None)
        (made,) = stylise_batch([drawing], style, backbone, how.changed(batch=1))
        for folder, pixels, depth in (
            ("drawings", image.pixels, settings.bit_depth),
            ("stylised", made.pixels, style.facts.bit_depth),
        ):
            folders[folder].add(
                name,
                pixels,
                bit_depth=depth,
                points=image.points,
                mask=image.mask,
                cell_diameter_px=settings.cell_diameter_px,
                synthetic=True,
            )
    for writer in folders.values():
        writer.finish("Drawings with one cell more at each step, for figure 3 of paper 1.")
