import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptoscope.style_transfer.intensity_range import HIGHEST, LOWEST, BackboneRange
from tests.unit.style_transfer.conftest import draw_discs

# 200 pixels, so that one cell of 11 covers less than the 0.2 % that percentiles pass over.
SIDE = 250


def field_of(cells: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Equally bright cells at 0.7 on a noisy ground at 0.1."""
    rng = np.random.default_rng(seed)
    pixels, mask = draw_discs((SIDE, SIDE), rng.uniform(20, SIDE - 20, (cells, 2)))
    return (pixels + rng.normal(0, 0.01, pixels.shape)).astype(np.float32), mask


@pytest.mark.parametrize("cells", [1, 3, 40])
def test_few_cells_are_seen_as_bright_as_many(cells: int) -> None:
    pixels, mask = field_of(cells)
    for span in (BackboneRange.of_cells(pixels, mask), BackboneRange.of_image(pixels)):
        assert span.low == pytest.approx(0.08, abs=0.02)
        assert span.high == pytest.approx(0.71, abs=0.04)


def test_without_a_mask_percentiles_are_taken() -> None:
    pixels, _ = field_of(0)
    span = BackboneRange.of_cells(pixels, None)
    assert (span.low, span.high) == tuple(np.percentile(pixels.astype(float), [1.0, 99.8]))


def test_noise_without_cells_is_not_stretched_to_the_brightness_of_cells() -> None:
    pixels, mask = field_of(0)
    assert not mask.any()
    seen = BackboneRange.of_cells(pixels, mask).to_model(pixels)
    assert np.percentile(seen, 99.9) < -0.5
    flat = np.full((32, 32), 0.2, np.float32)
    assert np.isfinite(BackboneRange.of_cells(flat, np.zeros((32, 32), int)).to_model(flat)).all()


@given(st.floats(0, 0.5), st.floats(0.01, 0.5), st.floats(0, 1))
def test_the_way_back_undoes_the_way_there(low: float, width: float, value: float) -> None:
    span = BackboneRange(low, low + width)
    clipped = np.clip(value, low + LOWEST * width, low + HIGHEST * width)
    there = span.to_model(np.float32([[value]]))
    np.testing.assert_allclose(span.from_model(there), np.clip(clipped, 0, 1), atol=1e-5)
