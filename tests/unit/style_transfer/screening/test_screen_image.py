import numpy as np
import pytest

from adaptoscope.datasets.counted_images import ImageRecord
from adaptoscope.style_transfer.screening.screen_image import screen_image
from adaptoscope.style_transfer.settings import ScreeningSettings
from tests.unit.style_transfer.conftest import draw_discs

SETTINGS = ScreeningSettings()
RECORD = ImageRecord("images/a.png", cell_diameter_px=11.0, layout="a.png")
GRID = np.stack(np.meshgrid(np.arange(20, 120, 25.0), np.arange(20, 120, 25.0)), -1).reshape(-1, 2)


def noisy(pixels: np.ndarray, sd: float = 0.02, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, sd, pixels.shape)
    return np.clip(pixels + noise, 0, 1).astype(np.float32)


def screen(shown: np.ndarray, drawn: np.ndarray = GRID) -> ImageRecord:
    """Screen an image that shows some cells against a drawing of others."""
    drawing, mask = draw_discs((140, 140), drawn)
    pixels, _ = draw_discs((140, 140), shown)
    return screen_image(RECORD, noisy(pixels), noisy(drawing), drawn, mask, SETTINGS).record


def test_an_image_that_kept_its_cells_is_kept() -> None:
    record = screen(GRID)
    assert record.kept is True
    assert record.reject_reason is None
    assert record.f1 == 1.0


def test_lost_cells_reject_an_image() -> None:
    record = screen(GRID[np.arange(16) % 3 > 0])
    assert (record.kept, record.reject_reason) == (False, "lost")
    assert (record.lost, record.invented) == (6, 0)
    assert record.recall == pytest.approx(10 / 16)


def test_a_part_without_its_cells_rejects_an_image() -> None:
    record = screen(GRID[:10])
    assert (record.kept, record.reject_reason) == (False, "incomplete")


def test_invented_cells_reject_an_image() -> None:
    record = screen(GRID, GRID[:11])
    assert (record.kept, record.reject_reason) == (False, "invented")
    assert record.invented == 5


def test_moved_cells_reject_an_image() -> None:
    assert screen(GRID + 9.0).kept is False


def test_cells_that_do_not_stand_out_reject_an_image() -> None:
    drawing, mask = draw_discs((140, 140), GRID)
    faint = noisy(0.3 + 0.02 * drawing, 0.02)
    record = screen_image(RECORD, faint, noisy(drawing), GRID, mask, SETTINGS).record
    assert (record.kept, record.reject_reason) == (False, "faint")


def test_what_the_detector_misses_in_the_drawing_is_not_held_against_the_style() -> None:
    doubles = np.concatenate([GRID, GRID + 1.0])
    drawing, mask = draw_discs((140, 140), doubles)
    pixels = noisy(drawing, seed=1)
    screened = screen_image(RECORD, pixels, noisy(drawing), doubles, mask, SETTINGS)
    assert screened.stylised.f1 < 0.8
    assert screened.record.kept is True
    assert screened.record.merged == 16


def test_an_image_of_whose_drawing_nothing_was_found_again_is_not_kept() -> None:
    noise = np.random.default_rng(0).uniform(0, 1, (140, 140)).astype(np.float32)
    record = screen_image(RECORD, noise, np.zeros_like(noise), GRID, None, SETTINGS).record
    assert (record.kept, record.reject_reason) == (False, "unjudgeable")


def test_spots_that_are_no_cells_do_not_make_a_field_unjudgeable() -> None:
    """The detector finds every drawn cell, and three times as many that were not drawn."""
    record = screen(GRID, GRID[:4])
    assert (record.kept, record.reject_reason) == (False, "invented")
    pixels, mask = draw_discs((140, 140), GRID)
    shown = noisy(pixels)
    same = screen_image(RECORD, shown, shown, GRID[:4], mask, SETTINGS)
    assert same.drawing.f1 < SETTINGS.minimum_drawing_f1 <= same.drawing.recall
    assert same.record.kept is True
