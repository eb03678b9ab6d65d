import json

import numpy as np
import pytest
import torch
from scipy import ndimage

from adaptoscope.adaptation.appearance_estimate import (
    LookEstimate,
    describe_look,
    estimate_look,
    from_description,
)
from adaptoscope.adaptation.shifts.magnification import magnify
from adaptoscope.translation.fields import Field
from adaptoscope.translation.intensities import IntensityInterval
from adaptoscope.translation.unet import StainUNet
from tests.unit.adaptation.test_restyling import blobs, field

INTERVAL = IntensityInterval(low=0.2, high=0.9)


@pytest.fixture(scope="module")
def eye() -> StainUNet:
    """Random convolutions tell sizes and signs apart well enough."""
    torch.manual_seed(0)
    network = StainUNet(1, 4).eval()
    with torch.no_grad():
        for weight in network.parameters():
            if weight.ndim == 4:
                weight.mul_(10)
    return network


def images(first: int, size: float, inverted: bool = False) -> list[Field]:
    drawn = [blobs(first + seed, 256, size) for seed in range(6)]
    return [field(1.1 - each if inverted else each) for each in drawn]


def estimate(eye: StainUNet, target: list[Field], scale: float | None = None) -> LookEstimate:
    return estimate_look(eye, INTERVAL, images(0, 4.0), target, scale=scale)


def test_what_is_alike_is_left_as_it_is(eye: StainUNet) -> None:
    found = estimate(eye, images(50, 4.0))
    assert found.best == "same"
    assert found.plausible == ("same",)
    assert found.scales["same"] == 1


def test_inverted_contrast_is_seen(eye: StainUNet) -> None:
    found = estimate(eye, images(50, 4.0, inverted=True))
    assert found.plausible == ("inverted",)
    assert found.distances["inverted"] < 0.5 * found.distances["same"]


def test_a_known_magnification_is_not_estimated(eye: StainUNet) -> None:
    found = estimate(eye, images(50, 4.0), scale=1.25)
    assert list(found.tried["same"]) == [1.25]
    assert found.scales == {"same": 1.25, "inverted": 1.25}


def test_an_estimate_is_read_as_it_was_written(eye: StainUNet) -> None:
    found = estimate(eye, images(50, 4.0), scale=1.0)
    assert from_description(json.loads(json.dumps(describe_look(found)))) == found


def test_contrasts_that_are_nearly_as_good_stay_open() -> None:
    def of(same: float, inverted: float) -> LookEstimate:
        return LookEstimate(
            {"same": 1.0, "inverted": 1.0}, {"same": same, "inverted": inverted}, {}
        )

    assert of(0.10, 0.12).plausible == ("same", "inverted")
    assert of(0.12, 0.10).plausible == ("inverted", "same")
    assert of(0.05, 0.12).plausible == ("same",)


def crowd(seed: int) -> np.ndarray:
    """Discs and rings of one size, many to a field."""
    rng = np.random.default_rng(seed)
    points = np.zeros((256, 256))
    points[tuple(rng.integers(0, 256, (2, 150)))] = 1
    disc = ndimage.gaussian_filter(points, 3.0)
    ring = disc - ndimage.gaussian_filter(points, 5.0)
    return np.asarray(0.4 + 0.3 * disc / disc.max() + 0.2 * ring / ring.max())


def test_a_magnification_is_seen(eye: StainUNet) -> None:
    small = [field(crowd(seed)) for seed in range(8)]
    large = [field(magnify(crowd(50 + seed).astype(np.float32), 2.0)) for seed in range(8)]
    found = estimate_look(eye, INTERVAL, small, large)
    assert found.best == "same"
    assert found.scales["same"] == pytest.approx(2, rel=0.15)


def test_of_a_few_large_fields_several_places_are_looked_at(eye: StainUNet) -> None:
    def sheet(first: int) -> np.ndarray:
        rows = [np.hstack([crowd(first + 3 * row + seed) for seed in range(3)]) for row in range(3)]
        return np.vstack(rows).astype(np.float32)

    large = np.ascontiguousarray(magnify(sheet(50), 2.0))
    found = estimate_look(eye, INTERVAL, [field(sheet(0))], [field(large)])
    assert found.plausible == ("same",)
    assert found.scales["same"] == pytest.approx(2, rel=0.15)
