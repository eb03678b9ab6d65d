import json
from pathlib import Path

import numpy as np
import pytest

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.errors import InputError
from adaptoscope.style_transfer.screening.structure import Structure, find_cells, judge_structure
from tests.unit.style_transfer.conftest import draw_discs

# Discs of 10 pixels, far enough apart to be told from each other.
SIDE = 120
CENTRES = np.array([[20.0, 20.0], [20, 60], [60, 30], [90, 90], [60, 100], [100, 25]])


def one_image(folder: Path, shown: np.ndarray, kept: bool | None = None) -> CountedImageSet:
    """A set of one image that claims CENTRES and shows other discs."""
    pixels, mask = draw_discs((SIDE, SIDE), shown)
    noisy = pixels + np.random.default_rng(0).normal(0, 0.01, pixels.shape)
    writer = CountedImageWriter(folder, {}, "Discs")
    writer.add(
        "field",
        np.clip(noisy, 0, 1).astype(np.float32),
        points=CENTRES,
        mask=mask,
        cell_diameter_px=10.0,
        layout="field.png",
        kept=kept,
    )
    return writer.finish("Made for a test.")


@pytest.fixture
def drawings(tmp_path: Path) -> CountedImageSet:
    return one_image(tmp_path / "drawings", CENTRES)


def test_the_judge_finds_clear_cells() -> None:
    pixels, _ = draw_discs((SIDE, SIDE), CENTRES)
    noise = np.random.default_rng(0).normal(0, 0.01, pixels.shape)
    found = find_cells((pixels + noise).astype(np.float32))
    assert len(found) == len(CENTRES)


def test_an_unchanged_image_keeps_its_structure(tmp_path: Path, drawings: CountedImageSet) -> None:
    result = judge_structure(one_image(tmp_path / "same", CENTRES, kept=True), drawings)
    assert (result.f1, result.relative_f1, result.f1_kept) == (1.0, 1.0, 1.0)
    assert (result.invented, result.lost) == (0.0, 0.0)
    assert result.shift_in_diameters < 0.05


def test_lost_invented_and_moved_cells_are_counted(
    tmp_path: Path, drawings: CountedImageSet
) -> None:
    shown = np.vstack([np.add(CENTRES[1:], [3, 0]), [[100.0, 60.0], [35.0, 80.0]]])
    result = judge_structure(one_image(tmp_path / "other", shown), drawings)
    assert result.f1_kept is None
    assert result.lost == pytest.approx(1 / 6)
    assert result.invented == pytest.approx(2 / 6)
    assert result.f1 == pytest.approx(2 * 5 / (7 + 6))
    assert result.shift_in_diameters == pytest.approx(0.3, abs=0.05)


def test_a_missing_drawing_is_named(tmp_path: Path, drawings: CountedImageSet) -> None:
    stylised = one_image(tmp_path / "same", CENTRES)
    with pytest.raises(InputError, match=r"field\.png"):
        judge_structure(stylised, drawings.with_records(()))


def test_the_interval_holds_the_relative_figure(tmp_path: Path, drawings: CountedImageSet) -> None:
    shown = np.vstack([CENTRES[1:], [[100.0, 60.0]]])
    result = judge_structure(one_image(tmp_path / "other", shown), drawings)
    assert result.relative_f1 == pytest.approx(result.f1 / result.f1_drawings)
    lower, upper = result.relative_interval
    assert lower == pytest.approx(upper), "one image can be drawn in one way only"
    assert lower == pytest.approx(result.relative_f1)
    assert Structure.from_dict(json.loads(json.dumps(result.as_dict()))) == result


def test_an_empty_drawing_leaves_the_figures_defined(tmp_path: Path) -> None:
    writers = [CountedImageWriter(tmp_path / name, {}, "Discs") for name in ("made", "drawn")]
    for name, centres in (("a", CENTRES), ("b", CENTRES[:3]), ("c", CENTRES[:0])):
        pixels, _ = draw_discs((SIDE, SIDE), centres)
        noisy = np.clip(pixels + np.random.default_rng(0).normal(0, 0.01, pixels.shape), 0, 1)
        for writer in writers:
            writer.add(
                name,
                noisy.astype(np.float32),
                points=centres,
                cell_diameter_px=10.0,
                layout=f"{name}.png",
            )
    made, drawn = (writer.finish("Made for a test.") for writer in writers)
    result = judge_structure(made, drawn)
    assert np.isfinite([result.relative_f1, *result.relative_interval]).all()
    json.dumps(result.as_dict(), allow_nan=False)
