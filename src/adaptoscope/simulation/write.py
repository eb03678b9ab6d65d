"""A folder of simulated fields with truth, each field a task of its own."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from adaptoscope.datasets.counted_images import CountedImageSet, ImageRecord
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.errors import InputError, SettingsError
from adaptoscope.simulation.drawn_layout import places_of_drawing
from adaptoscope.simulation.generate import draw_field
from adaptoscope.simulation.randomisation import randomised_settings
from adaptoscope.simulation.settings import SimulationSettings

DOMAIN = "simulated-wide-field"
SPLITS = ("train", "val", "test")
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
    check_request(count, seed, cultures, shares)
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
    splits = divide(count, shares)
    for index in range(count):
        culture = index * cultures // count
        write_field(
            writer,
            settings,
            seed,
            index,
            culture=culture,
            split=splits[index],
            randomise=randomise,
            layout=followed[index],
            enlarged=enlarged,
        )
        if on_image is not None:
            on_image(field_name(index))
    return writer.finish(CARD)


def write_field(
    writer: CountedImageWriter,
    settings: SimulationSettings,
    seed: int,
    index: int,
    *,
    culture: int,
    split: str,
    randomise: bool = False,
    layout: Layout | None = None,
    enlarged: float = 1.0,
) -> None:
    """Draw and write one field, unless it stands already.

    Parameters
    ----------
    writer
        Where to write.
    settings
        Specimen and microscope, or with `randomise` only its canvas.
    culture, split
        Written to `metadata.csv`; the culture also sets brightness and density.
    layout
        Drawing whose cells the field shows, and its set; none draws a layout.
    """
    if writer.has(field_name(index)):
        return
    rng = np.random.default_rng([seed, index])
    if randomise:
        settings = randomised_settings(rng, settings)
    of_culture = np.random.default_rng([seed, CULTURE_STREAM + culture])
    factors = np.exp(settings.culture_spread * of_culture.standard_normal(2))
    drawn = draw_field(
        settings,
        rng,
        brightness_factor=factors[0],
        density_factor=factors[1],
        places=None if layout is None else places_of_drawing(*layout, enlarged=enlarged),
    )
    writer.add(
        field_name(index),
        drawn.pixels,
        bit_depth=drawn.bit_depth,
        points=drawn.points,
        mask=drawn.mask,
        pixel_size_um=settings.pixel_size_um,
        channel="nuclei",
        cell_diameter_px=settings.cell_diameter_px
        if layout is None
        else layout[1].cell_diameter_px,
        layout=None if layout is None else layout[1].name,
        domain=DOMAIN,
        synthetic=True,
        group=f"culture_{culture:02d}",
        split=split,
        seed=seed,
    )


def divide(count: int, shares: Mapping[str, float]) -> list[str]:
    """Give every field a split so that the shares hold as well as whole numbers allow.

    Parameters
    ----------
    shares
        Share of each split, adding up to 1.

    Returns
    -------
    list[str]
        One split per field; the same for every run, spread evenly over the numbers.
    """
    splits: list[str] = []
    for number in range(1, count + 1):
        owed = {name: share * number - splits.count(name) for name, share in shares.items()}
        splits.append(max(owed, key=lambda name: owed[name]))
    return splits


def field_name(index: int) -> str:
    """Return the name of the field with a number, without suffix."""
    return f"field_{index:05d}"


def check_request(count: int, seed: int, cultures: int, shares: Mapping[str, float]) -> None:
    """Check what a folder of simulated fields is asked to hold.

    Parameters
    ----------
    shares
        Share of each split.
    """
    if count < 1 or seed < 0 or cultures < 1:
        raise SettingsError(
            "A number is out of range.",
            expected="count and cultures of at least 1, seed of at least 0",
            found=f"count {count}, cultures {cultures}, seed {seed}",
            remedy="give other numbers",
        )
    unknown = set(shares) - set(SPLITS)
    negative = any(share < 0 for share in shares.values())
    if unknown or negative or abs(sum(shares.values()) - 1) > 1e-6:
        raise SettingsError(
            "The shares of the splits cannot be used.",
            expected="shares of train, val and test, none below 0, adding up to 1",
            found=", ".join(f"{name}: {share:g}" for name, share in shares.items()) or "none",
            remedy="for example train: 0.6, val: 0.2, test: 0.2",
        )


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
