import numpy as np
import pytest

from adaptoscope.errors import InputError
from adaptoscope.images.measurement import ImageMeasures
from adaptoscope.images.set_measures import DENSITY_QUANTILES, summarise_measures


def measures(number: int, level: float) -> ImageMeasures:
    seen = number > 0
    return ImageMeasures(
        diameter=10.0 + number if seen else float("nan"),
        number=number,
        cells_per_mpx=100.0 * number,
        background_mean=level,
        background_sd=0.01,
        noise_sd=0.002,
        nucleus_intensity=(0.2, 0.3, 0.4, 0.5, 0.6) if seen else (float("nan"),) * 5,
        semi_axes=(0.3 + 0.01 * number, 0.5, 0.7) if seen else (float("nan"),) * 3,
    )


def test_images_are_gathered_in_stored_counts() -> None:
    found = summarise_measures([measures(n, 0.1) for n in range(1, 5)], 8, 0.5)
    assert found.cell_diameter_px == 12.5
    assert found.semi_axes == pytest.approx((0.325, 0.5, 0.7))
    assert found.nucleus_intensity == pytest.approx((51, 153))
    assert found.background_mean == pytest.approx((25.5, 25.5))
    assert (found.images, found.bit_depth, found.pixel_size_um) == (4, 8, 0.5)
    assert (found.background_sd, found.noise_sd) == pytest.approx((2.55, 0.51))


def test_images_without_cells_count_for_the_density_only() -> None:
    found = summarise_measures([measures(0, 0.1), measures(4, 0.1)], 16, None)
    assert found.cells_per_mpx_quantiles == pytest.approx(np.linspace(0, 400, DENSITY_QUANTILES))
    assert found.cell_diameter_px == 14
    assert found.semi_axes == pytest.approx((0.34, 0.5, 0.7))


def test_a_set_without_cells_is_refused() -> None:
    with pytest.raises(InputError, match="No nucleus"):
        summarise_measures([measures(0, 0.1)], 8, None)
