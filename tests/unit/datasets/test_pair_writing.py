import numpy as np
import pytest

from adaptoscope.datasets.pair_writing import PairedStainWriter
from adaptoscope.datasets.paired_stains import PairRecord
from adaptoscope.errors import InputError, OutputError
from adaptoscope.imageio.microscopy_image import image_of_counts


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


def views_of(pixels):
    return {"phase": pixels(1), "brightfield": pixels(2)}


def test_modalities_of_a_field_share_its_stains_and_its_cells(tmp_path, pixels):
    writer = PairedStainWriter(tmp_path / "set", {}, "Test pairs")
    mask = np.eye(12, 16, dtype=np.uint16)
    stains = {"dapi": pixels(11), "cd29": pixels(12)}
    written = writer.add_views(
        "f1", views_of(pixels), stains, bit_depth=16, points=[[1, 2]], mask=mask, group="f1"
    )
    opened = writer.finish("Made for a test.")
    assert opened.records == tuple(written)
    assert {(r.modality, r.stain) for r in opened} == {
        (modality, stain) for modality in ("phase", "brightfield") for stain in ("dapi", "cd29")
    }
    # Each file once: two views, two stains.
    assert len(list((tmp_path / "set" / "images").iterdir())) == 4
    alone = opened.select(modality="brightfield", stain="cd29")
    (record,) = alone
    np.testing.assert_array_equal(alone.points(record), [[1, 2]])
    np.testing.assert_array_equal(alone.mask(record), mask)
    np.testing.assert_allclose(alone.read(record).given.pixels, pixels(2), atol=1e-5)


@pytest.mark.parametrize("case", ["no view", "one name twice", "another shape"])
def test_views_that_do_not_fit_are_refused(tmp_path, pixels, case):
    views, stains = views_of(pixels), {"dapi": pixels(3)}
    if case == "no view":
        views = {}
    elif case == "one name twice":
        stains = {"phase": pixels(3)}
    else:
        views["phase"] = pixels(1)[:-1]
    with pytest.raises(InputError, match="do not fit"):
        PairedStainWriter(tmp_path, {}, "Test pairs").add_views("f1", views, stains)
    assert not (tmp_path / "images").exists()


def test_images_that_do_not_fit_are_refused(tmp_path, pixels):
    writer = PairedStainWriter(tmp_path, {}, "Test pairs")
    for stains in ({}, {"DAPI": pixels(1).T}):
        with pytest.raises(InputError, match="do not fit"):
            writer.add("f1", pixels(), stains)
    with pytest.raises(OutputError, match="No image pair"):
        writer.finish("")


def counts(seed):
    return np.random.default_rng(seed).integers(0, 4096, (12, 16)).astype(np.uint16)


class Maker:
    """Makes images from their names and keeps account of them."""

    def __init__(self):
        self.made = []

    def images(self, *names):
        return {f"images/{name}.png": lambda name=name: self.image(name) for name in names}

    def image(self, name):
        self.made.append(name)
        return image_of_counts(name, counts(ord(name[0])), 0.325)

    def mask(self):
        self.made.append("mask")
        return np.eye(12, 16, dtype=np.uint16)


def write_shared(folder, maker):
    """Two given images of one field that share a stain and a mask, one of them with a second."""
    writer = PairedStainWriter(folder, {"seed": 1}, "Shared")
    masks = {"masks/m.png": maker.mask}
    for given, stains in {"phase": ["dapi", "map2"], "bright": ["dapi"]}.items():
        rows = [
            PairRecord(f"images/{given}.png", f"images/{stain}.png", stain, mask="masks/m.png")
            for stain in stains
        ]
        if not writer.has(given):
            images = maker.images(given, *stains)
            writer.add_pairs(given, rows, images, masks=masks, points=[[1, 2], [3, 4]])
    return writer.finish("Made for a test.")


def test_an_image_that_pairs_share_is_made_once(tmp_path):
    maker = Maker()
    opened = write_shared(tmp_path / "set", maker)
    assert sorted(maker.made) == ["bright", "dapi", "map2", "mask", "phase"]
    assert {(r.name, r.stain) for r in opened} == {
        ("phase.png", "dapi"), ("phase.png", "map2"), ("bright.png", "dapi"),
    }  # fmt: skip
    for record in opened:
        pair = opened.read(record)
        np.testing.assert_array_equal(pair.given.stored, counts(ord(record.name[0])))
        np.testing.assert_array_equal(pair.stain.stored, counts(ord(record.stain[0])))
        assert pair.given.pixel_size_um == pytest.approx(0.325, rel=1e-5)
        assert opened.points(record).tolist() == [[1, 2], [3, 4]]
        assert opened.mask(record).sum() == 12


def test_pairs_that_were_begun_are_not_made_anew(tmp_path):
    class Killed(Maker):
        def image(self, name):
            if name == "map2":
                raise KeyboardInterrupt
            return super().image(name)

    write_shared(tmp_path / "whole", Maker())
    with pytest.raises(KeyboardInterrupt):
        write_shared(tmp_path / "broken", Killed())
    maker = Maker()
    write_shared(tmp_path / "broken", maker)
    assert sorted(maker.made) == ["bright", "map2", "mask"]
    assert contents(tmp_path / "broken") == contents(tmp_path / "whole")


def test_pairs_with_centres_outside_or_impossible_names_are_refused(tmp_path):
    writer = PairedStainWriter(tmp_path, {}, "Test pairs")
    rows = [PairRecord("images/phase.png", "images/dapi.png")]
    images = Maker().images("phase", "dapi")
    with pytest.raises(InputError, match="outside"):
        writer.add_pairs("phase", rows, images, points=[[1, 99]])
    with pytest.raises(OutputError, match="name"):
        writer.add_pairs(".x", rows, Maker().images(".x"))
    assert not writer.has("phase")
