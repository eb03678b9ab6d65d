import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from adaptoscope.style_transfer.glow import WIDTHS, Glow, glow_of_cells, measure_glow
from tests.unit.style_transfer.conftest import draw_discs

SIDE, DIAMETER = 160, 12.0
CENTRES = np.array([[30.0, 30.0], [40, 110], [85, 70], [120, 30], [125, 125]])


def discs() -> tuple[np.ndarray, np.ndarray]:
    _, mask = draw_discs((SIDE, SIDE), CENTRES)
    return np.where(mask > 0, 1.0, 0.0).astype(np.float32), mask


def lit(shares: list[float], ground: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Discs of brightness 1 above the ground that shed known light around them."""
    light, mask = discs()
    blurs = [ndimage.gaussian_filter(light, width * DIAMETER, mode="reflect") for width in WIDTHS]
    shed = sum(share * blurred for share, blurred in zip(shares, blurs, strict=True))
    return (ground + np.where(mask > 0, light, shed)).astype(np.float32), mask


@pytest.mark.parametrize("shares", [[0.3, 0.0, 0.4, 0.0, 0.5], [0.0, 0.0, 0.0, 0.0, 0.0]])
def test_known_light_is_measured(shares: list[float]) -> None:
    pixels, mask = lit(shares)
    glow = measure_glow(pixels, mask, DIAMETER)
    assert glow is not None
    blurs = np.array([np.exp(-0.5 * (8 / (w * DIAMETER)) ** 2) for w in WIDTHS])
    assert glow.shares.sum() == pytest.approx(sum(shares), abs=0.15)
    assert glow.shares @ blurs == pytest.approx(np.array(shares) @ blurs, abs=0.1)


@settings(max_examples=20, deadline=None)
@given(scale=st.floats(0.01, 100), offset=st.floats(-5, 5))
def test_the_unit_of_the_image_does_not_matter(scale: float, offset: float) -> None:
    pixels, mask = lit([0.3, 0.0, 0.4, 0.0, 0.5])
    first = measure_glow(pixels, mask, DIAMETER)
    second = measure_glow((scale * pixels + offset).astype(np.float32), mask, DIAMETER)
    assert first is not None
    assert second is not None
    np.testing.assert_allclose(second.shares.sum(), first.shares.sum(), rtol=0.05)


def test_what_was_measured_is_given_back() -> None:
    wanted, mask = lit([0.0, 0.3, 0.0, 0.4, 0.0])
    glow = measure_glow(wanted, mask, DIAMETER)
    assert glow is not None
    dark = (0.1 + discs()[0]).astype(np.float32)
    given_back = dark + glow_of_cells(dark, mask > 0, glow)
    away = ~ndimage.binary_dilation(mask > 0, iterations=2)
    np.testing.assert_allclose(given_back[away], wanted[away], atol=0.03)


def test_cells_keep_their_own_brightness() -> None:
    pixels, mask = lit([0.3, 0.3, 0.3, 0.3, 0.3])
    shed = glow_of_cells(pixels, mask > 0, Glow(np.full(5, 0.3, np.float32), DIAMETER, 1.0, 1.0))
    deep = ndimage.binary_erosion(mask > 0, iterations=3)
    assert np.abs(shed[deep]).max() < 0.01
    assert (shed >= 0).all()


def test_cells_stand_out_however_dense_they_are() -> None:
    """A style of few cells and much haze, given to cells that nearly touch."""
    rows, columns = np.mgrid[10:SIDE:16, 10:SIDE:16]
    centres = np.stack([rows.ravel(), columns.ravel()], axis=1).astype(float)
    _, mask = draw_discs((SIDE, SIDE), centres)
    pixels = (mask > 0).astype(np.float32)
    shares = np.array([0.0, 0.2, 0.3, 0.5, 1.4], np.float32)
    given = pixels + glow_of_cells(pixels, mask > 0, Glow(shares, DIAMETER, 0.1, 1.0))
    away = ndimage.distance_transform_edt(mask == 0)
    gap, core = given[away > 3].mean(), given[ndimage.binary_erosion(mask > 0, iterations=2)]
    assert core.min() > gap + 0.5


def test_a_denser_image_gets_no_more_light_in_all() -> None:
    few, mask = lit([0.0, 0.3, 0.0, 0.4, 0.3])
    glow = measure_glow(few, mask, DIAMETER)
    assert glow is not None
    assert glow.cover == pytest.approx((mask > 0).mean())
    rows, columns = np.mgrid[12:SIDE:20, 12:SIDE:20]
    _, dense = draw_discs((SIDE, SIDE), np.stack([rows.ravel(), columns.ravel()], 1).astype(float))
    assert (dense > 0).mean() > 3 * glow.cover
    sums = [
        glow_of_cells((shown > 0).astype(np.float32), shown > 0, glow)[shown == 0].sum()
        for shown in (mask, dense)
    ]
    assert sums[1] < 1.2 * sums[0]


def test_without_cells_or_ground_nothing_is_measured_or_given() -> None:
    flat = np.full((SIDE, SIDE), 0.2, np.float32)
    none, every = np.zeros((SIDE, SIDE), int), np.ones((SIDE, SIDE), int)
    assert measure_glow(flat, none, DIAMETER) is None
    assert measure_glow(flat, every, DIAMETER) is None
    glow = Glow(np.full(5, 0.3, np.float32), DIAMETER, 1.0, 1.0)
    assert not glow_of_cells(flat, every > 0, glow).any()
    assert not glow_of_cells(flat, none > 0, glow).any()
