"""A paired-stain folder of simulated fields in transmitted light, each field a task of its own."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from adaptoscope.datasets.numbered import check_numbers, divide, write_numbered
from adaptoscope.datasets.pair_writing import PairedStainWriter
from adaptoscope.datasets.paired_stains import PairedStainSet
from adaptoscope.simulation.transmitted.generate import (
    checked_modalities,
    draw_transmitted_field,
)
from adaptoscope.simulation.transmitted.settings import Modality, TransmittedSettings

CARD = """Simulated images: invented spread cells with one nucleus each, in transmitted light and
in two fluorescence stains, `dapi` (nuclei) and `cd29` (membrane). Modalities: `phase` (positive
phase contrast), `brightfield` (in focus), `defocused` (bright field, focal plane elsewhere). All
images of a field show the same cells. Truth (points and masks of the nuclei) is exact. Nuclei count
whose centre lies inside the image. Round specks without a nucleus are debris. Nothing here was
taken from a real image.

Limits: a simulation. Figures obtained on it say nothing about a real microscope. Live and dead
cells are not told apart.
"""


def simulate_pairs(
    out: Path,
    settings: TransmittedSettings | None = None,
    count: int = 100,
    seed: int = 0,
    *,
    modalities: Iterable[Modality] = ("phase",),
    fractions: Mapping[str, float] | None = None,
    overwrite: bool = False,
    on_image: Callable[[str], None] | None = None,
) -> PairedStainSet:
    """Write a paired-stain folder of simulated fields.

    Parameters
    ----------
    out
        Folder to write; continued if begun with equal settings.
    seed
        With the number of a field the only source of its randomness.
    modalities
        What to look at beside the stains: ``phase``, ``brightfield``, ``defocused``. The stains,
        points and masks of a folder are the same whichever are chosen.
    fractions
        Shares of the splits `train`, `val` and `test`, adding up to 1; all `train` if not given.
    on_image
        Called with the name of each field once it stands.

    Returns
    -------
    PairedStainSet
        One pair for each field, modality and stain; the group is the field. Images have 16 bits.
    """
    settings = settings or TransmittedSettings()
    asked = checked_modalities(modalities)
    shares = dict(fractions) if fractions is not None else {"train": 1.0}
    check_numbers(count, seed)
    splits = divide(count, shares)
    kept = {
        "stage": "transmitted-light simulation",
        "count": count,
        "seed": seed,
        "fractions": shares,
        "modalities": asked,
        "settings": settings.model_dump(mode="json"),
    }
    title = "Simulated cells in transmitted light, with stains"
    writer = PairedStainWriter(out, kept, title, overwrite=overwrite)

    def draw(name: str, index: int) -> None:
        drawn = draw_transmitted_field(settings, seed, index, modalities=asked)
        writer.add_views(
            name,
            drawn.views,
            drawn.stains,
            bit_depth=16,
            points=drawn.points,
            mask=drawn.mask,
            pixel_size_um=settings.pixel_size_um,
            split=splits[index],
            group=name,
        )

    write_numbered(writer, "field", count, draw, on_image)
    return writer.finish(CARD)
