from pathlib import Path

import numpy as np
import pytest

from adaptoscope.datasets.given_images import open_given_images
from adaptoscope.errors import InputError
from adaptoscope.imageio.files import write_image, write_text


def write_set(folder: Path, rows: list[str]) -> Path:
    """Write the table of a set, and every image that it names."""
    write_text(folder / "pairs.csv", "\n".join(["input,target,stain,split", *rows]) + "\n")
    for seed, entry in enumerate({name for row in rows for name in row.split(",")[:2]}):
        write_image(folder / entry, np.random.default_rng(seed).random((12, 14)))
    return folder


def test_each_given_image_is_there_once_and_no_stain(tmp_path: Path) -> None:
    rows = ["b/x.png,s/x.png,dna,train", "b/x.png,s/y.png,actin,train", "b/z.tif,s/z.png,dna,test"]
    found = open_given_images(write_set(tmp_path / "set", rows))
    assert [record.file_name for record in found] == ["b/x.png", "b/z.tif"]
    assert [record.split for record in found] == ["train", "test"]
    for record in found:
        assert found.read(record).shape == (12, 14)
        assert not record.labelled


def test_given_images_may_lie_in_the_root(tmp_path: Path) -> None:
    write_image(tmp_path / "shared" / "x.png", np.zeros((12, 14)))
    table = "input,target\n../shared/x.png,../shared/x.png\n"
    write_text(tmp_path / "set" / "pairs.csv", table)
    with pytest.raises(InputError, match="outside its folder"):
        open_given_images(tmp_path / "set")
    (record,) = found = open_given_images(tmp_path / "set", root=tmp_path / "shared")
    assert found.read(record).shape == (12, 14)


def test_images_that_would_be_written_under_one_name_are_refused(tmp_path: Path) -> None:
    rows = ["a/x.png,s/x.png,dna,train", "b/x.png,s/y.png,dna,train"]
    with pytest.raises(InputError, match="by their names") as refusal:
        open_given_images(write_set(tmp_path / "set", rows))
    assert "x.png" in refusal.value.found
