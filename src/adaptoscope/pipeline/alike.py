"""Simulated fields that follow real images: the hand-made control of every study."""

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
    out: Path, real: CountedImageSet, canvas: SynthesisSettings, *, count: int, seed: int
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
    count, seed
        As for `simulate`.
    """
    path = out.with_name(f"{out.name}.yaml")
    if not path.exists():
        base = SimulationSettings(height=canvas.height, width=canvas.width)
        write_text(path, settings_text(simulation_like(measure_real_fields(real), base)))
    return simulate(
        out,
        load_settings(path, SimulationSettings),
        count=count,
        seed=seed,
        cultures=min(CULTURES, count),
    )
