"""Simulated fields that follow real images: the hand-made control of every study."""

from collections.abc import Iterable
from pathlib import Path

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.images.files import write_text
from adaptoscope.simulation.likeness import measure_real_fields, simulation_like
from adaptoscope.simulation.settings import SimulationSettings
from adaptoscope.simulation.write import simulate
from adaptoscope.synthesis.settings import SynthesisSettings
from adaptoscope.training.settings import load_settings, settings_text

CULTURES = 16


def simulate_alike(
    out: Path,
    real: CountedImageSet,
    canvas: SynthesisSettings,
    *,
    held_out: Iterable[CountedImageSet],
    count: int,
    seed: int,
) -> CountedImageSet:
    """Simulate fields of the drawings' size that follow the real training images.

    Parameters
    ----------
    out
        Folder of the fields; what was measured is kept beside it, ``OUT.yaml``.
    real
        Real images; labels are not read.
    canvas
        Settings of the drawings, of which the size is taken.
    held_out
        Sets whose validation and test images must not be measured.
    count, seed
        As for `simulate`.
    """
    path = out.with_name(f"{out.name}.yaml")
    if not path.exists():
        base = SimulationSettings(height=canvas.height, width=canvas.width)
        measured = measure_real_fields(real, held_out=held_out)
        write_text(path, settings_text(simulation_like(measured, base)))
    return simulate(
        out,
        load_settings(path, SimulationSettings),
        count=count,
        seed=seed,
        cultures=min(CULTURES, count),
    )
