import os
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from adaptoscope.datasets.counted_images import CountedImageSet, open_counted_images
from adaptoscope.datasets.folds import grouped_folds, split_by_fold
from adaptoscope.datasets.records import ImageRecord
from adaptoscope.errors import InputError

GROUPS = st.lists(st.sampled_from([None, "a", "b", "c", "d", "e"]), min_size=2, max_size=40)
NUMBERS = st.integers(2, 6)
SEEDS = st.integers(0, 50)


def records_of(groups: list[str | None]) -> tuple[ImageRecord, ...]:
    return tuple(
        ImageRecord(f"images/{number}.png", group=group, split="train")
        for number, group in enumerate(groups)
    )


def sizes_of_groups(groups: list[str | None]) -> list[int]:
    named = [groups.count(name) for name in set(groups) - {None}]
    return named + [1] * groups.count(None)


def set_of(groups: list[str | None]) -> CountedImageSet:
    return CountedImageSet(Path("field"), records_of(groups))


@given(GROUPS, NUMBERS, SEEDS)
def test_every_image_is_in_one_fold_and_no_fold_is_empty(groups, k, seed):
    assume(k <= len(sizes_of_groups(groups)))

    folds = grouped_folds(records_of(groups), k, seed)

    assert len(folds) == k
    assert all(folds)
    assert sorted(place for fold in folds for place in fold) == list(range(len(groups)))


@given(GROUPS, NUMBERS, SEEDS)
def test_images_of_a_group_stay_together(groups, k, seed):
    assume(k <= len(sizes_of_groups(groups)))

    folds = grouped_folds(records_of(groups), k, seed)

    for name in set(groups) - {None}:
        assert sum(any(groups[place] == name for place in fold) for fold in folds) == 1


@given(GROUPS, NUMBERS, SEEDS)
def test_folds_differ_by_no_more_than_the_largest_group(groups, k, seed):
    sizes = sizes_of_groups(groups)
    assume(k <= len(sizes))

    numbers = [len(fold) for fold in grouped_folds(records_of(groups), k, seed)]

    assert max(numbers) - min(numbers) <= max(sizes)


@given(GROUPS, NUMBERS, SEEDS)
def test_too_few_groups_are_refused(groups, k, seed):
    assume(k > len(sizes_of_groups(groups)))

    with pytest.raises(InputError, match=f"{k} folds"):
        grouped_folds(records_of(groups), k, seed)


def test_images_without_groups_are_divided_evenly_and_by_the_seed():
    records = records_of([None] * 10)

    folds = grouped_folds(records, 5, 0)

    assert [len(fold) for fold in folds] == [2] * 5
    assert folds == grouped_folds(records, 5, 0)
    assert folds != grouped_folds(records, 5, 1)


@pytest.mark.parametrize("k", [0, 1])
def test_one_fold_is_no_division(k):
    with pytest.raises(InputError, match="folds"):
        grouped_folds(records_of([None] * 4), k, 0)


@given(GROUPS, NUMBERS, SEEDS, st.floats(0.05, 0.9))
def test_the_fold_tests_and_whole_groups_of_the_rest_validate(groups, k, seed, share):
    assume(k + 1 <= len(sizes_of_groups(groups)))
    images = set_of(groups)
    folds = grouped_folds(images.records, k, seed)
    for fold, members in enumerate(folds):
        outside = [groups[place] for place in range(len(groups)) if place not in members]
        if len(sizes_of_groups(outside)) < 2:
            continue

        divided = split_by_fold(images, folds, fold, validation=share, seed=seed)

        splits = [record.split for record in divided]
        assert [record.file_name for record in divided] == [item.file_name for item in images]
        assert tuple(i for i, split in enumerate(splits) if split == "test") == members
        assert set(splits) == {"train", "val", "test"}
        for name in set(groups) - {None}:
            assert len({splits[i] for i, group in enumerate(groups) if group == name}) == 1


@given(st.integers(20, 60), SEEDS, st.floats(0.1, 0.5))
def test_single_images_validate_in_the_share_that_is_asked_for(number, seed, share):
    images = set_of([None] * number)
    folds = grouped_folds(images.records, 5, seed)
    rest = number - len(folds[0])

    divided = split_by_fold(images, folds, 0, validation=share, seed=seed)

    assert abs(len(divided.images_of("val")) - share * rest) <= 0.5 + 1e-9


def test_without_validation_all_others_train():
    images = set_of(["a", "a", "b", None])
    folds = grouped_folds(images.records, 3, 0)

    divided = split_by_fold(images, folds, 0)

    assert {record.split for record in divided} == {"train", "test"}
    assert images.records[0].split == "train"


def test_a_set_that_would_have_nothing_left_to_train_on_is_refused():
    images = set_of(["a", "a", "b"])
    folds = grouped_folds(images.records, 2, 0)

    with pytest.raises(InputError, match="left to train on"):
        split_by_fold(images, folds, 0, validation=0.5)


def test_folds_of_another_set_and_folds_that_are_not_there_are_refused():
    images = set_of([None] * 6)
    folds = grouped_folds(images.records, 3, 0)

    with pytest.raises(InputError, match="do not belong"):
        split_by_fold(set_of([None] * 7), folds, 0)
    with pytest.raises(InputError, match="no such fold"):
        split_by_fold(images, folds, 3)
    with pytest.raises(InputError, match="share"):
        split_by_fold(images, folds, 0, validation=1.0)


@pytest.mark.skipif("ADAPTOSCOPE_DATA" not in os.environ, reason="ADAPTOSCOPE_DATA is not set")
def test_the_folds_of_idcia_keep_its_twenty_cultures_together():
    folder = Path(os.environ["ADAPTOSCOPE_DATA"]) / "idcia-dapi"
    if not folder.is_dir():
        pytest.skip(f"there is no {folder.name} in ADAPTOSCOPE_DATA")
    images = open_counted_images(folder)

    folds = grouped_folds(images.records, 5, 0)

    assert len({record.group for record in images}) == 20
    assert sorted(len(fold) for fold in folds) == [18, 19, 19, 19, 20]
    for fold in range(5):
        divided = split_by_fold(images, folds, fold, validation=0.2)
        cultures = [{r.group for r in divided.images_of(s)} for s in ("train", "val", "test")]
        assert not cultures[0] & (cultures[1] | cultures[2])
        assert not cultures[1] & cultures[2]
