"""A folder of simulated fields with truth, each field a task of its own."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from adaptoscope.datasets.counted_images import CountedImageSet, ImageRecord
from adaptoscope.datasets.numbered import check_numbers, divide, write_numbered
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.errors import InputError
from adaptoscope.simulation.drawn_layout import places_of_drawing
from adaptoscope.simulation.generate import draw_field
from adaptoscope.simulation.randomisation import randomised_settings
from adaptoscope.simulation.settings import SimulationSettings

DOMAIN = "simulated-wide-field"
# Far from the numbers of fields, which share the seed with the cultures.
CULTURE_STREAM = 2**31
Layout = tuple[CountedImageSet, ImageRecord]
"""A drawing whose cells a field shows, with the set that it belongs to."""

CARD = """Simulated images: invented stained nuclei under an invented wide-field fluorescence
microscope. Truth (points, masks) is exact. A nucleus cut by the border is labelled by the rule
`edge_rule` of `settings.json`. Specks without a label are debris. Nothing here was taken from a
real image.

Limits: a simulation. Figures obtained on it say nothing about a real microscope. Live and dead
cells are not told apart.
"""


def simulate(
    out: Path,
    settings: SimulationSettings | None = None,
    count: int = 100,
    seed: int = 0,
    *,
    fractions: Mapping[str, float] | None = None,
    cultures: int = 4,
    randomise: bool = False,
    layouts: CountedImageSet | None = None,
    enlarged: float = 1.0,
    overwrite: bool = False,
    on_image: Callable[[str], None] | None = None,
) -> CountedImageSet:
    """Write a counted-image folder of simulated fields.

    Parameters
    ----------
    out
        Folder to write; continued if begun with equal settings.
    seed
        With the number of a field the only source of its randomness; with the number of a culture
        that of the culture's brightness and density.
    fractions
        Shares of the splits `train`, `val` and `test`, adding up to 1; all `train` if not given.
        Cultures are runs of fields, so that each occurs in every split, as in
        IDCIA.
    cultures
        Number of cultures, the `group` of the images.
    layouts
        Drawings, at least `count` of the size of a field: field i shows the cells of drawing i
        where they were drawn, and names it in the column `layout`.
    enlarged
        Factor on the size of the cells of `layouts`, as in `places_of_drawing`.
    on_image
        Called with the name of each field once it stands.
    """
    settings = settings or SimulationSettings()
    shares = dict(fractions) if fractions is not None else {"train": 1.0}
    check_numbers(count, seed, cultures)
    splits = divide(count, shares)
    kept = {
        "stage": "simulation",
        "count": count,
        "seed": seed,
        "fractions": shares,
        "cultures": cultures,
        "randomise": randomise,
        "settings": settings.model_dump(mode="json"),
    }
    followed: Sequence[Layout | None] = [None] * count
    if layouts is not None:
        found = _layouts_of(layouts, settings, count)
        followed, kept["layouts"] = found, [record.source_sha256 for _, record in found]
        kept["enlarged"] = enlarged
    writer = CountedImageWriter(out, kept, "Simulated wide-field nuclei", overwrite=overwrite)

    def draw(name: str, index: int) -> None:
        rng = np.random.default_rng([seed, index])
        own = randomised_settings(rng, settings) if randomise else settings
        culture, layout = index * cultures // count, followed[index]
        of_culture = np.random.default_rng([seed, CULTURE_STREAM + culture])
        brightness, density = np.exp(own.culture_spread * of_culture.standard_normal(2))
        drawn = draw_field(
            own,
            rng,
            brightness_factor=brightness,
            density_factor=density,
            places=None if layout is None else places_of_drawing(*layout, enlarged=enlarged),
        )
        writer.add(
            name,
            drawn.pixels,
            bit_depth=drawn.bit_depth,
            points=drawn.points,
            mask=drawn.mask,
            pixel_size_um=own.pixel_size_um,
            channel="nuclei",
            cell_diameter_px=layout[1].cell_diameter_px if layout else own.cell_diameter_px,
            layout=layout[1].name if layout else None,
            domain=DOMAIN,
            synthetic=True,
            group=f"culture_{culture:02d}",
            split=splits[index],
            seed=seed,
        )

    write_numbered(writer, "field", count, draw, on_image)
    return writer.finish(CARD)


def _layouts_of(layouts: CountedImageSet, settings: SimulationSettings, count: int) -> list[Layout]:
    records = list(layouts)[:count]
    shape = (settings.height, settings.width)
    sizes = {layouts.size(record) for record in records}
    if len(records) < count or sizes != {shape}:
        found = ", ".join(f"{height} x {width}" for height, width in sorted(sizes))
        raise InputError(
            f"The layouts of {layouts.folder} cannot be simulated.",
            expected=f"{count} drawings of {shape[0]} x {shape[1]} pixels",
            found=f"{len(records)} of {found or 'no'} pixels",
            remedy="draw as many of this size, or change height, width or count",
        )
    return [(layouts, record) for record in records]
