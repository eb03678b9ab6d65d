import numpy as np
import pytest

from adaptoscope.datasets.pair_writing import PairedStainWriter
from adaptoscope.errors import InputError, OutputError


def write_all(folder, pixels):
    writer = PairedStainWriter(folder, {"seed": 1}, "Test pairs")
    for seed, name in enumerate(("f1", "f2")):
        if not writer.has(name):
            stains = {"DAPI": pixels(seed + 10), "MAP2 (Cy3)": pixels(seed + 20)}
            writer.add(
                name, pixels(seed), stains, bit_depth=16, points=[[1, 2]] * seed,
                mask=np.full((12, 16), seed), modality="phase", split="train", group=name,
            )  # fmt: skip
    return writer.finish("Made for a test.")


def contents(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_what_is_written_is_read_again(tmp_path, pixels):
    opened = write_all(tmp_path / "set", pixels)
    assert len(opened) == 4
    last = opened.records[-1]
    assert (last.stain, last.modality, last.split, last.group) == (
        "MAP2 (Cy3)", "phase", "train", "f2",
    )  # fmt: skip
    pair = opened.read(last)
    np.testing.assert_allclose(pair.given.pixels, pixels(1), atol=1e-5)
    np.testing.assert_allclose(pair.stain.pixels, pixels(21), atol=1e-5)
    assert [len(opened.points(record)) for record in opened] == [0, 0, 1, 1]
    assert opened.mask(last).max() == 1


def test_a_killed_writer_goes_on_to_identical_files(tmp_path, pixels):
    write_all(tmp_path / "whole", pixels)
    begun = PairedStainWriter(tmp_path / "broken", {"seed": 1}, "Test pairs")
    begun.add("f2", pixels(1), {"DAPI": pixels(11), "MAP2 (Cy3)": pixels(21)}, bit_depth=16,
              points=[[1, 2]], mask=np.full((12, 16), 1), modality="phase", split="train",
              group="f2")  # fmt: skip
    assert begun.has("f2")
    write_all(tmp_path / "broken", pixels)
    write_all(tmp_path / "broken", pixels)
    assert contents(tmp_path / "broken") == contents(tmp_path / "whole")


def test_images_that_do_not_fit_are_refused(tmp_path, pixels):
    writer = PairedStainWriter(tmp_path, {}, "Test pairs")
    for stains in ({}, {"DAPI": pixels(1).T}):
        with pytest.raises(InputError, match="do not fit"):
            writer.add("f1", pixels(), stains)
    with pytest.raises(OutputError, match="No image pair"):
        writer.finish("")
