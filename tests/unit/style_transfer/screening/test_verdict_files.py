import dataclasses
from pathlib import Path

import numpy as np
import pytest

from adaptoscope.datasets.counted_images import ImageRecord
from adaptoscope.metrics.point_matching import PointMatch
from adaptoscope.style_transfer.screening.screen_image import Screened
from adaptoscope.style_transfer.screening.verdict_files import (
    digest_of,
    read_verdict,
    write_verdict,
)
from adaptoscope.style_transfer.settings import ScreeningSettings

RECORD = ImageRecord("images/a.png", cell_diameter_px=11.0, layout="a.png")
POINTS = np.array([[1.5, 2.25], [1 / 3, 4.0]])
FOUND = PointMatch(np.array([[0, 1]]), 0.5, 1 / 3, 0.4, 1, 1, 0, 1, 0.1)
NOTHING = PointMatch(np.zeros((0, 2), np.intp), *[float("nan")] * 3, 0, 0, 0, 0, float("nan"))


def plain(screened: Screened) -> str:
    return repr(dataclasses.asdict(screened))


@pytest.mark.parametrize("match", [FOUND, NOTHING])
def test_a_verdict_is_read_as_it_was_written(tmp_path: Path, match: PointMatch) -> None:
    judged = dataclasses.replace(RECORD, kept=False, reject_reason="lost", f1=1 / 3, lost=2)
    screened = Screened(judged, match, FOUND, POINTS)
    write_verdict(tmp_path / "new" / "a.json", "inputs", screened)
    again = read_verdict(tmp_path / "new" / "a.json", "inputs", RECORD)
    assert again is not None
    assert plain(again) == plain(screened)


def test_a_verdict_on_other_inputs_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    assert read_verdict(path, "inputs", RECORD) is None
    write_verdict(path, "inputs", Screened(RECORD, FOUND, FOUND, POINTS))
    assert read_verdict(path, "others", RECORD) is None


def test_every_input_counts() -> None:
    mask = np.eye(3, dtype=np.uint16)
    settings = ScreeningSettings()
    inputs = (RECORD, "image", "drawing", POINTS, mask, settings)
    others = (
        dataclasses.replace(RECORD, cell_diameter_px=12.0),
        "other",
        "other",
        POINTS[:1],
        None,
        settings.changed(correct_points=True),
    )
    digests = {digest_of(*inputs)}
    for place, other in enumerate(others):
        digests.add(digest_of(*inputs[:place], other, *inputs[place + 1 :]))
    assert len(digests) == 1 + len(others)
    judged = dataclasses.replace(RECORD, kept=False, f1=0.1)
    assert digest_of(judged, *inputs[1:]) == digest_of(*inputs)
