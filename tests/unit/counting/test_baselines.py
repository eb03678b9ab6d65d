import re

import numpy as np
import pytest

from adaptoscope.counting.baselines import (
    ConstantCounter,
    DogCounter,
    OtsuWatershedCounter,
)
from adaptoscope.counting.heads.table import kind_of_head
from adaptoscope.errors import InputError


@pytest.mark.parametrize("counter", [DogCounter(), OtsuWatershedCounter()])
@pytest.mark.parametrize("count", [4, 30])
def test_detectors_need_no_fit(draw_field, counter, count):
    pixels, points = draw_field(count, 3)

    found = counter.count(pixels)

    assert found.count == len(points) == len(found.points)
    assert found.diameter_px == pytest.approx(10, rel=0.15)


@pytest.mark.parametrize("counter", [DogCounter(), OtsuWatershedCounter(), DogCounter(4, 0.05)])
def test_an_image_without_cells_has_none(draw_field, counter):
    pixels, _ = draw_field(0, 3)

    found = counter.count(pixels)

    assert found.count == 0
    assert found.points.shape == (0, 2)


@pytest.mark.parametrize("name", ["dog", "otsu_watershed"])
def test_a_fitted_detector_counts_new_images(draw_field, name):
    fields = [draw_field(count, count) for count in (3, 12, 25)]

    counter = kind_of_head(name).fit([pixels for pixels, _ in fields], [3, 12, 25])

    assert counter.count(draw_field(18, 77)[0]).count == 18


def test_the_constant_is_the_median_as_that_has_the_least_absolute_error():
    pixels = [np.zeros((8, 8), dtype=np.float32)] * 3

    counter = kind_of_head("constant").fit(pixels, [1, 10, 300])

    assert counter == ConstantCounter(10.0)
    assert counter.count(pixels[0]).points is None


def test_nothing_to_fit_is_refused():
    with pytest.raises(InputError):
        kind_of_head("dog").fit([], [])
    with pytest.raises(InputError, match="No image shows cells"):
        kind_of_head("otsu_watershed").fit([np.zeros((8, 8), dtype=np.float32)], [0])


@pytest.mark.parametrize("name", ["dog", "otsu_watershed"])
def test_a_person_sees_how_far_a_fit_is(draw_field, name, capfd, monkeypatch):
    monkeypatch.setattr("adaptoscope.training.progress.PATIENCE_SECONDS", -1.0)

    kind_of_head(name).fit([draw_field(12, 12)[0]], [12])

    assert re.fullmatch(rf"fit {name}: (\d+) of \1\n", capfd.readouterr().err)
