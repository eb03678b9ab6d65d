import numpy as np
import pytest

from adaptoscope.counting.calibration import Calibration, calibrate


def test_too_few_images_give_no_interval():
    assert calibrate([1, 2, 3, 4], [1, 2, 3, 4]) is None


def test_residuals_are_in_roots_of_the_count():
    calibration = calibrate([100, 25, 0.5, 4, 9], [110, 20, 1.5, 6, 6])

    assert calibration.power == 0.5
    assert calibration.residuals == (1.0, -1.0, 1.0, 1.0, -1.0)


def test_few_residuals_give_the_largest_and_many_the_rank_for_90_percent():
    few = Calibration(residuals=tuple(range(10)))
    many = Calibration(residuals=tuple(range(99)))

    assert few.half_width() == 9
    assert many.half_width() == 89
    assert many.half_width(0.95) == 94


def test_intervals_cover_new_images_as_often_as_promised():
    generator = np.random.default_rng(0)
    predicted = generator.uniform(10, 300, 2400)
    true = generator.poisson(predicted)
    calibration = calibrate(predicted[:400], true[:400])

    bounds = np.array([calibration.interval(count) for count in predicted[400:]])

    covered = (bounds[:, 0] <= true[400:]) & (true[400:] <= bounds[:, 1])
    assert covered.mean() == pytest.approx(0.9, abs=0.03)
    assert (bounds[:, 0] >= 0).all()


@pytest.mark.parametrize(("power", "size"), [(0.5, 1.0), (1.0, 0.1)])
def test_the_width_grows_with_the_count_as_the_errors_do(power, size):
    generator = np.random.default_rng(0)
    predicted = generator.uniform(5, 600, 400)
    true = predicted + size * predicted**power * generator.normal(size=400)

    assert calibrate(predicted, true).power == power
