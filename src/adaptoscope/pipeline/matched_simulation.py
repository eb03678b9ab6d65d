"""Simulated fields that follow real images: the hand-made control of every study."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.imageio.files import write_text
from adaptoscope.simulation.likeness import measure_real_fields, simulation_like
from adaptoscope.simulation.settings import SimulationSettings
from adaptoscope.simulation.write import simulate
from adaptoscope.training.progress import progress_display
from adaptoscope.training.settings import load_settings, settings_text

# Groups of fields whose cells differ, as cultures of a real set do.
CULTURES = 16


def simulate_alike(
    out: Path,
    real: CountedImageSet,
    drawings: CountedImageSet,
    *,
    held_out: Iterable[CountedImageSet],
    seed: int,
) -> CountedImageSet:
    """Simulate the cells of drawings under a microscope that follows the real training images.

    Parameters
    ----------
    out
        Folder of the fields; what was measured is kept beside it, ``OUT.yaml``.
    drawings
        Drawings of one size: each gives a field its size and its cells.
    held_out
        Sets whose validation and test images must not be measured.
    seed
        As for `simulate`.
    """
    path = out.with_name(f"{out.name}.yaml")
    if not path.exists():
        height, width = drawings.size(next(iter(drawings)))
        base = SimulationSettings(height=height, width=width)
        measured = measure_real_fields(real, held_out=held_out)
        write_text(path, settings_text(simulation_like(measured, base)))
    settings = load_settings(path, SimulationSettings)
    drawn = np.median([record.cell_diameter_px for record in drawings if record.cell_diameter_px])
    with progress_display("simulate the same cells", len(drawings), unit="image") as advance:
        return simulate(
            out,
            settings,
            count=len(drawings),
            seed=seed,
            cultures=min(CULTURES, len(drawings)),
            layouts=drawings,
            # Drawn cells are as wide as real ones look; under the optics they must be wider.
            enlarged=float(settings.cell_diameter_px / drawn),
            on_image=advance,
        )
