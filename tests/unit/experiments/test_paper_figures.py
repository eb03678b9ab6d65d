from pathlib import Path

import numpy as np
import pytest

from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.reporting.figures import Picture
from adaptoscope.reporting.sheet import Tile
from experiments.paper_figures import figures
from experiments.paper_figures.figures import figure_3
from tests.unit.style_transfer.conftest import draw_discs

CENTRES = np.array([(24.0, 24.0), (24.0, 72.0), (72.0, 24.0)])
ELSEWHERE = (72.0, 72.0)


def test_boxes_stand_around_what_was_lost_and_what_was_invented(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn, made = (CountedImageWriter(tmp_path / name, {}, name) for name in ("drawn", "made"))
    shown = {"as drawn": CENTRES, "lost": CENTRES[:2], "invented": np.vstack([CENTRES, ELSEWHERE])}
    noise = np.random.default_rng(0).normal(0.05, 0.005, (96, 96))
    for number, centres in enumerate(shown.values()):
        for writer, places in ((drawn, CENTRES), (made, centres)):
            pixels = draw_discs((96, 96), places, 6.0)[0] + noise
            writer.add(f"step_{number}", pixels.astype(np.float32), points=CENTRES)
    tiles: list[Tile] = []

    def seen(rows: list[list[Tile]], **_: object) -> Picture:
        tiles.extend(rows[1])
        return Picture(b"", "image/png", "", "")

    monkeypatch.setattr(figures, "sheet", seen)
    _, table = figure_3(drawn.finish("Drawn."), made.finish("Made."), 12.0)
    assert [row[2:] for row in table.rows] == [("3", "0", "0"), ("2", "0", "1"), ("4", "1", "0")]
    assert not tiles[0].boxes
    for tile, kind, place in ((tiles[1], "lost", CENTRES[2]), (tiles[2], "invented", ELSEWHERE)):
        ((row, column, _, found),) = tile.boxes
        assert found == kind
        assert (row, column) == pytest.approx(tuple(place), abs=2)
