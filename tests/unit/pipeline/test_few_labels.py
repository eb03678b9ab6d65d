import itertools

import numpy as np
import pytest

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.errors import InputError
from adaptoscope.pipeline.few_labels import choose_labelled, images_for_row, spread_order
from adaptoscope.pipeline.rows import Row

N = 16


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> CountedImageSet:
    """Sixteen training images with 0 to 15 cells, two others, and one that nobody counted."""
    writer = CountedImageWriter(tmp_path_factory.mktemp("set") / "real", {}, "Dots")
    for number in np.random.default_rng(0).permutation(N):
        points = np.full((number, 2), 5.0)
        writer.add(f"f{number:02d}", np.zeros((10, 10)), points=points, split="train")
    writer.add("unknown", np.zeros((10, 10)), points=None, split="train")
    writer.add("v", np.zeros((10, 10)), points=np.full((3, 2), 5.0), split="val")
    writer.add("t", np.zeros((10, 10)), points=np.full((3, 2), 5.0), split="test")
    return writer.finish("Made for a test.")


def cells(images: CountedImageSet) -> list[int]:
    return sorted(record.count for record in images if record.count is not None)


@pytest.mark.parametrize("seed", range(10))
def test_fewer_images_are_among_more(real: CountedImageSet, seed: int) -> None:
    train = real.split("train")
    chosen = [
        {record.name for record in choose_labelled(train, number, seed)}
        for number in (1, 2, 5, 10, 16)
    ]
    assert [len(names) for names in chosen] == [1, 2, 5, 10, 16]
    assert all(few < many for few, many in itertools.pairwise(chosen))


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("number", [2, 4, 8])
def test_each_part_of_the_counts_gives_one(real: CountedImageSet, seed: int, number: int) -> None:
    counts = cells(choose_labelled(real.split("train"), number, seed))
    assert [count * number // N for count in counts] == list(range(number))


def test_another_seed_draws_others() -> None:
    orders = {tuple(spread_order(range(32), np.random.default_rng(seed))[:4]) for seed in range(20)}
    assert len(orders) > 15
    firsts = [spread_order(range(8), np.random.default_rng(seed))[0] for seed in range(400)]
    assert np.bincount(firsts, minlength=8).min() > 25


def test_an_order_loses_nothing() -> None:
    for n in range(12):
        assert sorted(spread_order(range(n), np.random.default_rng(n))) == list(range(n))


def row(**fields: object) -> Row:
    return Row.model_validate({"name": "r", "method": "centres", "synthetic": "drawings", **fields})


def test_a_row_with_all_labels_sees_everything(real: CountedImageSet) -> None:
    assert images_for_row(row(), real, 0) is real


def test_a_row_with_few_labels_sees_these_and_no_validation_image(real: CountedImageSet) -> None:
    shown = images_for_row(row(labelled=5), real, 0)
    assert len(shown.images_of("train")) == len(shown.split("train").labelled()) == 5
    assert not shown.images_of("val")
    assert [record.name for record in shown.images_of("test")] == ["t.png"]


@pytest.mark.parametrize(
    "fields", [{"labelled": 0}, {"real_labels": False}, {"labelled": 0, "synthetic": None}]
)
def test_a_row_without_labels_sees_no_label(real: CountedImageSet, fields: dict) -> None:
    if "synthetic" in fields:
        fields = {**fields, "method": "nuclei"}
    shown = images_for_row(row(**fields), real, 0)
    assert len(shown.images_of("train")) == N + 1
    assert not len(shown.split("train").labelled())
    assert np.isnan(shown.split("train").counts()).all()
    assert not shown.images_of("val")


def test_more_labels_than_there_are_are_refused(real: CountedImageSet) -> None:
    with pytest.raises(InputError, match="too few labelled") as caught:
        images_for_row(row(labelled=17), real, 0)
    assert caught.value.found == "16"
