import warnings

import imagecodecs
import numpy as np
import pytest

from adaptoscope.errors import InputError
from adaptoscope.images.cell_centres import no_points
from adaptoscope.reporting.overlays import LONGEST, draw_overlay, overlay_names

NAMES = [r"w$\frac$2.png", "$x_1$ and $.png", "10²5.png", "a\x1b]0;x\x07.png", "caf\udce9.png",
         "=cmd().png", "<img src=x>.png", "'q\".png", "細胞.png"]  # fmt: skip
ORANGE = np.array([255, 106, 31])


def drawn(pixels, points, **options):
    content = draw_overlay(pixels.astype(np.float32), points, text="3 cells", **options)
    return imagecodecs.png_decode(content)[..., :3].astype(int)


def orange(picture):
    return np.argwhere(np.abs(picture - ORANGE).max(axis=2) < 90)


def test_rings_lie_around_the_centres():
    pixels = np.zeros((600, 800), dtype=np.float32)
    picture = drawn(pixels, np.array([[100.0, 200.0], [300.0, 700.0]]), diameter_px=40)
    for row, column in ((201, 401), (601, 1401)):  # Twice as large, so that it is well seen.
        near = orange(picture)
        near = near[np.abs(near - (row, column)).max(axis=1) < 60] + 0.5
        assert len(near) > 20
        np.testing.assert_allclose(near.mean(axis=0), (row, column), atol=0.5)
        np.testing.assert_allclose(np.ptp(near, axis=0), 2 * 0.6 * 40, atol=3)


def test_a_dark_image_is_shown_bright():
    generator = np.random.default_rng(0)
    pixels = generator.normal(0.02, 0.002, (300, 400)).clip(0)
    pixels[100:120, 100:120] = 0.2
    picture = drawn(pixels, no_points())
    assert picture[440:460, 440:460].mean() > 240
    assert picture[10:100, 10:100].mean() < 40


def test_cells_are_seen_beside_what_is_far_brighter():
    pixels = np.random.default_rng(0).normal(0.02, 0.002, (300, 400)).clip(0)
    pixels[100:120, 100:120] = 0.1
    pixels[200:220] = 1.0
    alike = np.ones(pixels.shape, dtype=bool)
    alike[200:220] = False
    assert drawn(pixels, no_points())[440:460, 440:460].mean() < 40
    assert drawn(pixels, no_points(), alike=alike)[440:460, 440:460].mean() > 240


@pytest.mark.parametrize(
    ("shape", "shown"),
    [((600, 800), (1200, 1600)), ((20, 30), (1060, 1590)), ((300, 5000), (100, 1666)),
     ((1000, 2000), (800, 1600)), ((1, 9000), (1, 1800)), ((4800, 4800), (1600, 1600))],
)  # fmt: skip
def test_pictures_are_of_a_size_that_can_be_looked_at(shape, shown):
    pixels = np.random.default_rng(0).random(shape, dtype=np.float32)
    height, width, _ = drawn(pixels, no_points()).shape
    expected = np.array(shown) * min(1.0, LONGEST / max(shown))
    np.testing.assert_allclose((height - 30, width), expected, atol=1.01)


def test_points_follow_the_size_of_the_picture():
    picture = drawn(np.zeros((2400, 3200)), np.array([[1200.0, 800.0]]), diameter_px=160)
    assert picture.shape[:2] == (1200 + 30, 1600)
    np.testing.assert_allclose(orange(picture).mean(axis=0), (600, 400), atol=1.5)


def test_what_is_no_image_is_refused():
    with pytest.raises(InputError, match="cannot be shown"):
        draw_overlay(np.zeros((2, 3, 4), dtype=np.float32), no_points(), text="")


def test_every_image_has_a_file_of_its_own_under_a_safe_name():
    images = ["a.tif", "a.png", "A.TIF", "a.tif", "b:c?.tif", "day1/a.tif", "x" * 300 + ".tif"]
    names = overlay_names(images)
    assert names[:6] == [
        "a.png", "a.png.png", "A.TIF.png", "a.tif-2.png", "b_c_.png", "day1_a.png",
    ]  # fmt: skip
    assert len(names[6]) < 200
    assert len({name.lower() for name in names}) == len(images)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_shown_as_text_whatever_it_holds(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        content = draw_overlay(np.zeros((64, 64), np.float32), no_points(), text=f"3   {name}")
    assert imagecodecs.png_decode(content).ndim == 3
