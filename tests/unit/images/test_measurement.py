import csv
import os
from pathlib import Path

import numpy as np
import pytest

from adaptoscope.errors import InputError
from adaptoscope.imageio.files import read_image, read_mask
from adaptoscope.images.measurement import (
    background_level,
    mean_of_labels,
    measure_image,
    noise_sd,
    segment_nuclei,
)

SIDE = 192  # room for 16 discs of up to 30 pixels


def discs(diameter: float, *, contrast: float = 0.15, noise: float = 0.01, haze: float = 0.0):
    rng = np.random.default_rng(5)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    pixels = 0.03 + haze * columns / SIDE + noise * rng.standard_normal((SIDE, SIDE))
    for row in range(24, SIDE, 48):
        for column in range(24, SIDE, 48):
            inside = np.hypot(rows - row, columns - column) <= diameter / 2
            pixels += contrast * rng.uniform(0.6, 1.4) * inside
    return pixels.astype(np.float32)


@pytest.mark.parametrize("diameter", [9.0, 16.0, 30.0])
@pytest.mark.parametrize("haze", [0.0, 0.1])
def test_diameter_and_number_of_discs(diameter, haze):
    measures = measure_image(discs(diameter, haze=haze))
    assert measures.diameter == pytest.approx(diameter, rel=0.15)
    assert measures.number == 16
    assert measures.cells_per_mpx == pytest.approx(16 / SIDE**2 * 1e6)


def test_measures_do_not_depend_on_the_scale_of_intensity():
    bright, dark = discs(16.0), 0.1 * discs(16.0)
    measured = measure_image(dark).diameter
    assert measured == pytest.approx(measure_image(bright).diameter, rel=0.02)


def test_background_and_noise():
    measures = measure_image(discs(16.0, noise=0.01))
    assert measures.background_mean == pytest.approx(0.03, abs=0.002)
    assert measures.background_sd == pytest.approx(0.01, rel=0.15)
    assert measures.noise_sd == pytest.approx(0.01, rel=0.15)


def test_nucleus_intensity_lies_between_background_and_peak():
    measures = measure_image(discs(16.0))
    quantiles = np.array(measures.nucleus_intensity)
    assert np.all(np.diff(quantiles) >= 0)
    assert quantiles[2] == pytest.approx(0.03 + 0.15, abs=0.04)


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_an_empty_image_has_no_nuclei_to_speak_of(noise):
    rng = np.random.default_rng(0)
    pixels = (0.05 + noise * rng.standard_normal((128, 128))).astype(np.float32)
    measures = measure_image(pixels)
    assert measures.number <= 3
    if not measures.number:
        assert np.isnan(measures.diameter)
        assert np.isnan(measures.nucleus_intensity).all()


def test_labels_are_consecutive():
    labels, _ = segment_nuclei(discs(16.0))
    assert np.array_equal(np.unique(labels), np.arange(labels.max() + 1))


def test_constant_image_has_no_noise():
    pixels = np.full((32, 32), 0.2, dtype=np.float32)
    assert noise_sd(pixels) == 0
    assert background_level(pixels)[0] == pytest.approx(0.2, abs=1e-5)


@pytest.mark.parametrize(
    "pixels", [np.zeros((8, 8)), np.zeros((32, 32, 3)), np.full((32, 32), np.nan)]
)
def test_unusable_images_are_refused(pixels):
    with pytest.raises(InputError):
        measure_image(pixels.astype(np.float32))


def test_diameter_of_real_nuclei():
    root = os.environ.get("ADAPTOSCOPE_DATA")
    if not root or not (Path(root) / "bbbc039").is_dir():
        pytest.skip("ADAPTOSCOPE_DATA does not name a folder with bbbc039")
    folder = Path(root) / "bbbc039"
    with (folder / "split.csv").open(encoding="utf-8") as file:
        names = [row["image"] for row in csv.DictReader(file) if row["split"] == "train"][:2]
    ratios = []
    for name in names:
        areas = np.bincount(read_mask(folder / "masks" / name).ravel())[1:]
        true = np.median(2 * np.sqrt(areas[areas > 0] / np.pi))
        measures = measure_image(read_image(folder / "images" / name).pixels)
        ratios.append(measures.diameter / true)
    assert np.median(ratios) == pytest.approx(1, abs=0.2)


def test_the_mean_of_labels_is_that_of_scipy() -> None:
    from scipy import ndimage

    rng = np.random.default_rng(0)
    labels, pixels = rng.integers(0, 5, (20, 30)), rng.random((20, 30), np.float32)
    expected = ndimage.mean(pixels, labels, np.arange(1, 5))
    np.testing.assert_allclose(mean_of_labels(pixels, labels), expected)
    labels[labels == 2] = 0
    assert np.isnan(mean_of_labels(pixels, labels)).tolist() == [False, True, False, False]
    assert mean_of_labels(pixels, np.zeros_like(labels)).shape == (0,)


@pytest.mark.parametrize("seed", range(40))
def test_two_levels_without_noise_have_a_background(seed: int) -> None:
    generator = np.random.default_rng(seed)
    dark, bright = np.sort(generator.uniform(0, 1, 2)).astype(np.float32)
    pixels = np.full((30, 30), dark)
    pixels[:3] = bright
    level, spread = background_level(pixels)
    assert level == pytest.approx(dark, abs=1e-5)
    assert np.isfinite(spread)
