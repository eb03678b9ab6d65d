from pathlib import Path

import numpy as np
import pytest

from adaptoscope.counting.dual import draw_dual
from adaptoscope.counting.settings import CountingSettings, DensitySettings, RegressorSettings
from adaptoscope.counting.training_images import read_training_images
from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.errors import InputError

SIDE = 64
COUNTS = (0, 7, 120)
WHOLE = RegressorSettings(crop=SIDE, batch=6, augment="flips")


def counted(folder: Path, *, shape: tuple[int, int] = (SIDE, SIDE)) -> CountedImageSet:
    """Images that are as bright as they have cells, and say no more of them than their number."""
    writer = CountedImageWriter(folder, {}, "Counted")
    for number, count in enumerate(COUNTS):
        rng = np.random.default_rng(number)
        writer.add(f"i{number}", rng.uniform(0, 0.1, shape) + count / 200, points=None, count=count)
    writer.add("unknown", np.zeros(shape), points=None)
    return writer.finish("Made for a test.")


def test_a_regressor_learns_the_counts_of_whole_images(tmp_path: Path) -> None:
    images = read_training_images(counted(tmp_path / "set"), WHOLE)
    assert [len(points) for points in images.points] == list(COUNTS)
    for step in range(4):
        batch = images.draw(WHOLE, batch=6, step=step)
        assert sorted(batch.counts().tolist()) == sorted(float(count) for count in COUNTS * 2)
    mean, _ = images.count_statistics(SIDE, 0)
    assert mean == pytest.approx(np.mean(COUNTS), rel=0.02)


def test_half_a_batch_can_be_images_that_are_only_counted(tmp_path: Path) -> None:
    images = read_training_images(counted(tmp_path / "set"), WHOLE)
    batch = draw_dual(WHOLE, images, images, 0)
    assert sorted(batch.counts().tolist()) == sorted(float(count) for count in COUNTS * 2)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (DensitySettings(crop=64, init="random"), "the head centres learns where cells are"),
        (
            DensitySettings(crop=64, head="fcrn_a", init="random", loss="mse"),
            "the head fcrn_a learns where cells are",
        ),
        (WHOLE.changed(regime="dacs"), "dacs cuts boxes out of images"),
        (WHOLE.changed(crop=32), "crops that show whole images"),
        (WHOLE.changed(crop=128, pad="reflect"), "crops that show whole images"),
        (WHOLE.changed(scale_jitter=1.1), "crops that show whole images"),
    ],
)
def test_what_needs_more_than_the_count_of_the_whole_is_refused_in_words(
    tmp_path: Path, settings: CountingSettings, expected: str
) -> None:
    with pytest.raises(InputError, match="counted, but their cells are not marked") as caught:
        read_training_images(counted(tmp_path / "set"), settings)
    assert expected in caught.value.expected


def test_oblong_images_that_are_only_counted_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_training_images(counted(tmp_path / "set", shape=(64, 96)), WHOLE)
    assert "64 x 96" in caught.value.found
    assert "square" in caught.value.remedy


def test_marked_images_are_preferred_to_images_that_are_only_counted(tmp_path: Path) -> None:
    writer = CountedImageWriter(tmp_path / "set", {}, "Both")
    pixels = np.random.default_rng(0).random((SIDE, SIDE))
    writer.add("marked", pixels, points=[(3.0, 4.0)])
    writer.add("counted", pixels, points=None, count=9)
    images = read_training_images(writer.finish("Made for a test."), WHOLE)
    assert [points.tolist() for points in images.points] == [[[3.0, 4.0]]]


def test_images_that_nobody_counted_teach_nothing(tmp_path: Path) -> None:
    writer = CountedImageWriter(tmp_path / "set", {}, "Unknown")
    writer.add("a", np.zeros((SIDE, SIDE)), points=None)
    images = writer.finish("Made for a test.")
    with pytest.raises(InputError, match="has its cells marked") as caught:
        read_training_images(images, WHOLE)
    assert "`nuclei`" in caught.value.remedy
    (images.folder / "marks").mkdir()
    with pytest.raises(InputError, match="has its cells marked") as caught:
        read_training_images(images, WHOLE)
    assert f"python docs/marks_to_points.py {images.folder}" in caught.value.remedy
