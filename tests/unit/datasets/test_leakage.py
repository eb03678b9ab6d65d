import pytest

from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.datasets.leakage import held_out_hashes, refuse_held_out
from adaptoscope.errors import LeakageError
from adaptoscope.images.files import write_image

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
