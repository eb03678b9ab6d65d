import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest

from adaptoscope.datasets.counted_images import CountedImageSet, open_counted_images
from adaptoscope.datasets.leakage import held_out_hashes
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.errors import InputError, LeakageError
from adaptoscope.imageio.files import write_image
from adaptoscope.pipeline.protocols import (
    AuthorsProtocol,
    FoldProtocol,
    SplitProtocol,
    protocol_in_words,
    rounds_of,
)

SPLITS = ("train", "train", "train", "val", "test", "test")
FIELDS = 3


@pytest.fixture
def real(tmp_path: Path) -> CountedImageSet:
    """Six cultures with three fields each, one split for a culture."""
    writer = CountedImageWriter(tmp_path / "real", {}, "Noise with centres")
    for culture, split in enumerate(SPLITS):
        for field in range(FIELDS):
            rng = np.random.default_rng([culture, field])
            writer.add(
                f"c{culture}_F{field}_DAPI",
                rng.random((20, 20)),
                points=rng.uniform(0, 19, (culture + 1, 2)),
                split=split,
            )
    return writer.finish("Made for a test.")


def names(images: CountedImageSet, split: str) -> set[str]:
    return {record.name for record in images.images_of(split)}


def test_splits_are_taken_as_they_are(real: CountedImageSet, tmp_path: Path) -> None:
    (only,) = rounds_of(SplitProtocol(), real, tmp_path)
    assert (only.name, only.folder, only.real) == ("", tmp_path, real)
    words = protocol_in_words(SplitProtocol(), (only,))
    assert "9 images are learnt from" in words
    assert "6 counted (test images)" in words


def test_validation_images_can_be_trained_on_in_the_end(
    real: CountedImageSet, tmp_path: Path
) -> None:
    protocol = SplitProtocol(train_on_val=True)
    (only,) = rounds_of(protocol, real, tmp_path)
    assert names(only.real, "train") == names(real, "train") | names(real, "val")
    assert not only.real.images_of("val")
    assert names(only.real, "test") == names(real, "test")
    assert "validation images included" in protocol_in_words(protocol, (only,))


def test_when_validation_images_are_counted_test_images_are_kept_back_without_labels(
    real: CountedImageSet, tmp_path: Path
) -> None:
    (only,) = rounds_of(SplitProtocol(count="val"), real, tmp_path)
    assert names(only.real, "test") == names(real, "val")
    assert names(only.real, "val") == names(real, "test")
    assert not len(only.real.split("val").labelled())
    assert all(record.count is None for record in only.real.images_of("val"))
    assert held_out_hashes(only.real).keys() == held_out_hashes(real).keys()


def test_every_image_is_counted_in_one_fold_and_no_culture_is_divided(
    real: CountedImageSet, tmp_path: Path
) -> None:
    protocol = FoldProtocol(kind="folds", folds=3, fold_seed=4, group="^(.*)_F")
    rounds = rounds_of(protocol, real, tmp_path)
    counted = [name for one in rounds for name in sorted(names(one.real, "test"))]
    assert sorted(counted) == sorted(record.name for record in real)
    for number, one in enumerate(rounds, start=1):
        assert (one.name, one.folder) == (f"fold {number}", tmp_path / "folds" / str(number))
        cultures = [
            {name.split("_F")[0] for name in names(one.real, split)} for split in ("train", "test")
        ]
        assert not cultures[0] & cultures[1]
        assert len(cultures[0] | cultures[1]) == len(SPLITS)
    again = rounds_of(protocol, real, tmp_path)
    assert [one.real.records for one in again] == [one.real.records for one in rounds]
    assert "3 folds (seed 4) over 18 images of 6 groups" in protocol_in_words(protocol, rounds)


def test_without_a_pattern_the_column_group_tells_cultures_apart(
    real: CountedImageSet, tmp_path: Path
) -> None:
    two = real.with_records(
        dataclasses.replace(record, group="a" if index % 2 else "b")
        for index, record in enumerate(real)
    )
    rounds = rounds_of(FoldProtocol(kind="folds", folds=2), two, tmp_path)
    for one in rounds:
        assert len({record.group for record in one.real.images_of("test")}) == 1
    with pytest.raises(InputError, match="3 folds"):
        rounds_of(FoldProtocol(kind="folds", folds=3), two, tmp_path)


def test_a_name_without_a_group_is_refused(real: CountedImageSet, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="group of the image"):
        rounds_of(FoldProtocol(kind="folds", folds=3, group="^(.*)_G"), real, tmp_path)


def test_one_image_under_two_names_in_two_folds_is_refused(
    real: CountedImageSet, tmp_path: Path
) -> None:
    first, last = real.records[0], real.records[-1]
    write_image(real.path(last), real.read(first).pixels)
    with (real.folder / "metadata.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    rows[-1]["source_sha256"] = ""
    with (real.folder / "metadata.csv").open("w", newline="") as stream:
        table = csv.DictWriter(stream, rows[0].keys())
        table.writeheader()
        table.writerows(rows)
    copied = open_counted_images(real.folder)
    protocol = FoldProtocol(kind="folds", folds=6, group="^(.*)_F")
    with pytest.raises(LeakageError) as caught:
        rounds_of(protocol, copied, tmp_path)
    assert {first.name, last.name} <= set(caught.value.found.replace("images/", "").split())


def lists(real: CountedImageSet, splits: dict[str, str]) -> AuthorsProtocol:
    rows = ["image,theirs", *(f"{name},{split}" for name, split in splits.items())]
    (real.folder / "lists.csv").write_text("\n".join(rows) + "\n")
    return AuthorsProtocol(
        kind="authors",
        split_table="lists.csv",
        split_column="theirs",
        published={"train": 20, "test": 7},
    )


def test_published_lists_replace_the_splits_and_absent_images_are_counted(
    real: CountedImageSet, tmp_path: Path
) -> None:
    theirs = {
        record.name: ("test", "Validation", "training")[index % 3]
        for index, record in enumerate(real)
    }
    protocol = lists(real, {**theirs, "elsewhere.png": "test"})
    (only,) = rounds_of(protocol, real, tmp_path)
    assert names(only.real, "test") == {name for name, split in theirs.items() if split == "test"}
    assert names(only.real, "val") == {n for n, split in theirs.items() if split == "Validation"}
    words = protocol_in_words(protocol, (only,))
    assert "6 images are learnt from, 6 counted" in words
    assert "20 for train, of which 14 are absent" in words
    assert "7 for test, of which 1 are absent" in words


def test_published_lists_must_name_every_image(real: CountedImageSet, tmp_path: Path) -> None:
    protocol = lists(real, {record.name: "test" for record in real.records[1:]})
    with pytest.raises(InputError, match="do not name every image"):
        rounds_of(protocol, real, tmp_path)


def test_lists_without_a_training_image_are_refused(real: CountedImageSet, tmp_path: Path) -> None:
    protocol = lists(real, {record.name: "test" for record in real})
    with pytest.raises(InputError, match="not divided") as caught:
        rounds_of(protocol, real, tmp_path)
    assert caught.value.found == "no image in train"
