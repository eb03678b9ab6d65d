from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adaptoscope.datasets.counted_images import ImageRecord, open_counted_images
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.style_transfer.screening import screen as module
from adaptoscope.style_transfer.screening.screen import screen_set
from adaptoscope.style_transfer.screening.screen_image import Screened, screen_image
from adaptoscope.style_transfer.settings import ScreeningSettings
from tests.unit.style_transfer.conftest import draw_discs

SETTINGS = ScreeningSettings()
MOVING = ScreeningSettings(correct_points=True)
GRID = np.stack(np.meshgrid(np.arange(20, 120, 25.0), np.arange(20, 120, 25.0)), -1).reshape(-1, 2)


def noisy(pixels: np.ndarray, sd: float = 0.02, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, sd, pixels.shape)
    return np.clip(pixels + noise, 0, 1).astype(np.float32)


def write_pair(folder: Path, shown: list[np.ndarray]) -> None:
    drawings = CountedImageWriter(folder / "drawings", {}, "Drawings")
    stylised = CountedImageWriter(folder / "stylised", {}, "Stylised")
    for index, cells in enumerate(shown):
        drawing, mask = draw_discs((140, 140), GRID)
        pixels, _ = draw_discs((140, 140), cells)
        drawings.add(f"{index}", noisy(drawing), points=GRID, mask=mask, cell_diameter_px=11.0)
        stylised.add(
            f"{index}",
            noisy(pixels, seed=index),
            points=GRID,
            mask=mask,
            cell_diameter_px=11.0,
            layout=f"{index}.png",
        )
    drawings.finish("Made for a test.")
    stylised.finish("Made for a test.")


def test_verdicts_are_written_and_readers_skip_the_rejected(tmp_path: Path) -> None:
    write_pair(tmp_path, [GRID, GRID[::2], GRID])
    summary = screen_set(
        open_counted_images(tmp_path / "stylised", include_rejected=True),
        open_counted_images(tmp_path / "drawings"),
        SETTINGS,
    )
    assert (summary.n, summary.kept, summary.rejects) == (3, 2, {"lost": 1})
    assert summary.kept_share == pytest.approx(2 / 3)
    assert summary.f1_kept > summary.f1
    assert summary.f1_drawings == 1.0
    assert [r.name for r in open_counted_images(tmp_path / "stylised")] == ["0.png", "2.png"]
    every = open_counted_images(tmp_path / "stylised", include_rejected=True)
    assert [record.reject_reason for record in every] == [None, "lost", None]


def test_screening_twice_gives_the_same_verdicts(tmp_path: Path) -> None:
    write_pair(tmp_path, [GRID, GRID[:8]])
    tables = []
    for _ in range(2):
        screen_set(
            open_counted_images(tmp_path / "stylised", include_rejected=True),
            open_counted_images(tmp_path / "drawings"),
            SETTINGS,
        )
        tables.append((tmp_path / "stylised" / "metadata.csv").read_bytes())
    assert tables[0] == tables[1]


def screen(folder: Path, settings: ScreeningSettings = SETTINGS, workers: int = 1) -> object:
    stylised = open_counted_images(folder / "stylised", include_rejected=True)
    return screen_set(stylised, open_counted_images(folder / "drawings"), settings, workers=workers)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in (folder / "stylised").rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_points_move_to_where_cells_are_found_and_back(tmp_path: Path) -> None:
    write_pair(tmp_path, [GRID + 2.0, GRID])
    before = contents(tmp_path)
    for settings, shift in ((SETTINGS, 0.0), (MOVING, 2.0), (SETTINGS, 0.0)):
        screen(tmp_path, settings)
        moved = open_counted_images(tmp_path / "stylised", include_rejected=True)
        first, second = (moved.points(record) - GRID for record in moved)
        np.testing.assert_allclose(first, shift, atol=0.6)
        np.testing.assert_allclose(second, 0.0, atol=0.6)
    assert contents(tmp_path)["stylised/points.csv"] == before["stylised/points.csv"]


def test_moving_twice_is_moving_once(tmp_path: Path) -> None:
    write_pair(tmp_path, [GRID + 2.0])
    screen(tmp_path, MOVING)
    once = contents(tmp_path)
    screen(tmp_path, MOVING)
    assert contents(tmp_path) == once


def test_the_card_says_that_points_moved_and_masks_did_not(tmp_path: Path) -> None:
    write_pair(tmp_path, [GRID + 2.0, GRID[::2]])
    masks = {name: data for name, data in contents(tmp_path).items() if "masks" in name}
    screen(tmp_path)
    plain = (tmp_path / "stylised" / "README.md").read_text("utf-8")
    assert "Made for a test." in plain
    assert "of these 1 rejected by screening" in plain
    assert "moved" not in plain
    screen(tmp_path, MOVING)
    moved = (tmp_path / "stylised" / "README.md").read_text("utf-8")
    assert "Points: moved by screening" in moved
    assert "Masks were not moved." in moved
    assert masks.items() <= contents(tmp_path).items()
    screen(tmp_path)
    assert (tmp_path / "stylised" / "README.md").read_text("utf-8") == plain


def test_the_files_are_the_same_for_any_number_of_workers(tmp_path: Path) -> None:
    written = []
    for workers in (1, 2):
        folder = tmp_path / f"{workers}"
        write_pair(folder, [GRID, GRID[:8], GRID[::2], GRID + 2.0])
        summary = screen(folder, MOVING, workers)
        written.append((contents(folder), summary))
    assert written[0] == written[1]


def test_a_killed_screening_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("killed", "whole"):
        write_pair(tmp_path / name, [GRID, GRID[:8], GRID[::2]])
    judged: list[str] = []

    def until(last: int) -> None:
        def judge(record: ImageRecord, *inputs: Any) -> Screened:
            if len(judged) == last:
                raise KeyboardInterrupt
            judged.append(record.name)
            return screen_image(record, *inputs)

        monkeypatch.setattr(module, "screen_image", judge)

    until(2)
    with pytest.raises(KeyboardInterrupt):
        screen(tmp_path / "killed")
    assert all(r.kept is None for r in open_counted_images(tmp_path / "killed" / "stylised"))
    until(99)
    summary = screen(tmp_path / "killed")
    assert judged == ["0.png", "1.png", "2.png"]
    assert summary == screen(tmp_path / "whole")
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def test_a_verdict_under_other_settings_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pair(tmp_path, [GRID[::2]])
    with monkeypatch.context() as patched:
        patched.setattr(module, "rewrite_records", interrupt)
        with pytest.raises(KeyboardInterrupt):
            screen(tmp_path)
    screen(tmp_path, ScreeningSettings(maximum_lost=1.0, minimum_relative_f1=0.0))
    record = next(iter(open_counted_images(tmp_path / "stylised", include_rejected=True)))
    assert record.kept is True


def interrupt(*inputs: Any) -> None:
    raise KeyboardInterrupt


def test_the_summary_tells_errors_of_all_kinds(tmp_path: Path) -> None:
    write_pair(tmp_path, [GRID[::2]])
    summary = screen_set(
        open_counted_images(tmp_path / "stylised", include_rejected=True),
        open_counted_images(tmp_path / "drawings"),
        SETTINGS,
    )
    assert (summary.lost, summary.invented, summary.divided) == (0.5, 0.0, 0.0)
