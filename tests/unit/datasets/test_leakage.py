import dataclasses

import pytest

from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.datasets.leakage import (
    held_out_hashes,
    refuse_held_out,
    refuse_held_out_images,
)
from adaptoscope.errors import LeakageError
from adaptoscope.imageio.files import write_image

SPLITS = "image,split\na.png,train\nb.png,validation\nc.png,test\n"


@pytest.fixture
def images(make_folder):
    return open_counted_images(make_folder(images=("a.png", "b.png", "c.png"), split=SPLITS))


def test_validation_and_test_images_are_held_out(images):
    places = held_out_hashes(images)
    assert sorted(places.values()) == ["test: images/c.png", "val: images/b.png"]


def test_training_images_pass(images):
    refuse_held_out(images.hashes("train").items(), held_out_hashes(images), "train the counter")


@pytest.mark.parametrize(("split", "name"), [("val", "b.png"), ("test", "c.png")])
def test_held_out_images_are_refused_by_name_and_split(images, split, name):
    with pytest.raises(LeakageError, match=f"{name} was about to be used to learn a style") as it:
        refuse_held_out(images.hashes().items() & images.hashes(split).items(),
                        held_out_hashes(images), "learn a style")  # fmt: skip
    assert f"{split}: images/{name}" in str(it.value)


def test_a_renamed_copy_in_another_format_is_recognised(images, tmp_path):
    image = images.read(images.images_of("test")[0])
    write_image(tmp_path / "copies" / "innocent.tif", image.pixels)
    copies = open_counted_images(tmp_path / "copies")
    with pytest.raises(LeakageError, match=r"innocent\.tif"):
        refuse_held_out(copies.hashes().items(), held_out_hashes(images), "train the counter")


def test_images_are_held_out_by_their_pixels_and_by_their_source(images):
    named = images.with_records(
        dataclasses.replace(record, source_sha256=f"source of {record.name}") for record in images
    )
    pixels = [images.read(record).sha256 for record in images if record.split != "train"]
    assert held_out_hashes(named).keys() == {*pixels, "source of b.png", "source of c.png"}


def test_a_set_is_refused_for_any_of_its_images(images, tmp_path):
    refuse_held_out_images(images.split("train"), [images], "train the counter")
    with pytest.raises(LeakageError, match=r"b\.png was about to be used to train"):
        refuse_held_out_images(images, [images.split("val")], "train the counter")


def test_a_derived_image_is_recognised_by_its_source(images):
    stolen = next(iter(images.hashes("test").values()))
    derived = images.split("train").with_records(
        dataclasses.replace(record, source_sha256=stolen) for record in images.split("train")
    )
    with pytest.raises(LeakageError, match=r"has the pixels of test: images/c\.png"):
        refuse_held_out_images(derived, [images], "learn a style")


def test_a_copy_of_an_image_that_only_names_its_source_is_recognised(images):
    named = images.with_records(
        dataclasses.replace(record, source_sha256="elsewhere")
        for record in images.images_of("test")
    )
    with pytest.raises(LeakageError, match=r"c\.png"):
        refuse_held_out_images(images, [named], "learn a style")
