import dataclasses
from pathlib import Path

import numpy as np
import pytest

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.errors import InputError, LeakageError
from adaptoscope.simulation.field_measures import FieldMeasures, measure_fields
from adaptoscope.simulation.generate import draw_field
from adaptoscope.simulation.likeness import RealMeasures, measure_real_fields, simulation_like
from adaptoscope.simulation.settings import SimulationSettings

# The "real" microscope is a simulated one, so that its settings are known; few, well seen nuclei.
TRUTH = SimulationSettings(
    height=192,
    width=192,
    cell_diameter_px=18.0,
    cells_per_mpx=500.0,
    density_spread=0.0,
    clustered_fraction=0.0,
    psf_sigma_px=1.6,
    background_electrons=150.0,
    nucleus_electrons=500.0,
    read_noise_electrons=8.0,
    counts_per_electron=0.08,
    brightness_spread=0.2,
    debris_per_mpx=0.0,
    hot_pixels_per_mpx=0.0,
)


def fields(settings: SimulationSettings, number: int, seed: int) -> list[np.ndarray]:
    return [draw_field(settings, np.random.default_rng([seed, i])).pixels for i in range(number)]


def write_set(folder: Path, splits: str, blank: bool = False) -> CountedImageSet:
    writer = CountedImageWriter(folder, {}, "invented")
    for index, split in enumerate(splits.split()):
        pixels = np.full((64, 64), 0.1) if blank else fields(TRUTH, 1, index)[0]
        writer.add(f"f{index}", pixels, points=None, split=split, pixel_size_um=0.5)
    return writer.finish("invented")


@pytest.fixture(scope="module")
def found() -> tuple[FieldMeasures, FieldMeasures, SimulationSettings]:
    """What was measured on the truth and on a simulation made like it, and its settings."""
    real = RealMeasures(measure_fields(fields(TRUTH, 5, 1), 8), 8, None)
    base = SimulationSettings(height=160, width=160, clustered_fraction=0.0, debris_per_mpx=0.0)
    like = simulation_like(real, base, rounds=3, fields=3)
    trial = like.changed(height=192, width=192, density_spread=0.0)
    return real.fields, measure_fields(fields(trial, 5, 2), 8), like


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        ("diameter", 0.1),
        ("cells_per_mpx", 0.3),
        ("background", 0.1),
        ("contrast", 0.15),
        ("edge_width", 0.15),
        ("noise_variance", 0.25),
        ("noise_slope", 0.3),
    ],
)
def test_the_simulation_measures_as_the_real_images_do(
    found: tuple[FieldMeasures, FieldMeasures, SimulationSettings], name: str, tolerance: float
) -> None:
    real, simulated, _ = found
    assert getattr(simulated, name) == pytest.approx(getattr(real, name), rel=tolerance)


def test_large_nuclei_are_followed() -> None:
    """Fields of 256 pixels hold too few nuclei of 90 to tell them from haze."""
    large = TRUTH.changed(
        height=640, width=640, cell_diameter_px=90.0, cells_per_mpx=25.0, psf_sigma_px=3.0
    )
    real = measure_fields(fields(large, 2, 1), 8)
    base = SimulationSettings(height=512, width=512, clustered_fraction=0.0, debris_per_mpx=0.0)
    like = simulation_like(RealMeasures(real, 8, None), base, rounds=2, fields=2)
    assert like.cell_diameter_px == pytest.approx(90.0, rel=0.2)
    assert like.psf_sigma_px == pytest.approx(3.0, rel=0.3)


def test_nuclei_are_not_larger_than_the_field(
    found: tuple[FieldMeasures, FieldMeasures, SimulationSettings],
) -> None:
    huge = RealMeasures(dataclasses.replace(found[0], diameter=90.0, edge_width=45.0), 8, None)
    base = SimulationSettings(height=64, width=80)
    assert simulation_like(huge, base, rounds=0).cell_diameter_px == 64.0
    assert simulation_like(huge, base, rounds=0).psf_sigma_px == 30.0


def test_a_simulation_without_nuclei_is_named_as_such(
    found: tuple[FieldMeasures, FieldMeasures, SimulationSettings],
) -> None:
    lonely = RealMeasures(dataclasses.replace(found[0], cells_per_mpx=0.0), 8, None)
    base = SimulationSettings(debris_per_mpx=0.0)
    with pytest.raises(InputError, match="simulation that is to follow") as caught:
        simulation_like(lonely, base, rounds=1, fields=1)
    assert "without --like" in caught.value.remedy


def test_settings_that_are_not_measured_are_those_of_the_base(
    found: tuple[FieldMeasures, FieldMeasures, SimulationSettings],
) -> None:
    settings = found[2]
    assert (settings.height, settings.clustered_fraction, settings.camera_bits) == (160, 0.0, 8)
    assert settings.counts_per_electron == pytest.approx(TRUTH.counts_per_electron, rel=0.3)


def test_images_kept_back_are_neither_measured_nor_accepted(tmp_path: Path) -> None:
    images = write_set(tmp_path / "real", "train test train")
    measured = measure_real_fields(images)
    assert measured.fields.images == 2
    assert (measured.bit_depth, measured.pixel_size_um) == (8, 0.5)
    kept = write_set(tmp_path / "kept", "val")
    with pytest.raises(LeakageError, match="measure a simulation on"):
        measure_real_fields(images, held_out=[kept])


def test_images_without_nuclei_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No nucleus"):
        measure_real_fields(write_set(tmp_path, "train", blank=True))


def test_variation_between_images_is_shared_out(
    found: tuple[FieldMeasures, FieldMeasures, SimulationSettings],
) -> None:
    varied = dataclasses.replace(found[0], density_spread=0.5, contrast_spread=0.3)
    settings = simulation_like(RealMeasures(varied, 8, None), rounds=1, fields=1)
    assert settings.culture_spread == 0.3
    assert settings.density_spread == pytest.approx(0.4)
