import numpy as np
import pytest

from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.errors import InputError
from adaptoscope.images.files import hash_pixels, write_mask


def test_an_own_folder_is_read(make_folder, pixels):
    folder = make_folder(
        metadata="file_name,split,pixel_size_um,count\n"
        "images/b.png,test,0.5,0\nimages/a.png,train,,2\n",
        points="image,x,y\na.png,1,2\na.png,15.4,11.4\n",
    )
    opened = open_counted_images(folder)
    assert [record.name for record in opened] == ["b.png", "a.png"]
    np.testing.assert_array_equal(opened.counts(), [0, 2])
    image = opened.read(opened.records[0])
    np.testing.assert_allclose(image.pixels, pixels(1), atol=0.5 / 255 + 1e-6)
    assert image.pixel_size_um == 0.5
    assert opened.points(opened.records[1]).tolist() == [[2, 1], [11.4, 15.4]]
    assert opened.points(opened.records[0]).shape == (0, 2)
    assert opened.mask(opened.records[0]) is None
    assert [record.name for record in opened.split("train")] == ["a.png"]


def test_unknown_columns_are_refused(make_folder):
    with pytest.raises(InputError, match="not known: cuont"):
        open_counted_images(make_folder(metadata="file_name,cuont\nimages/a.png,1\n"))


def test_rejected_images_are_skipped_unless_asked_for(make_folder):
    folder = make_folder(metadata="file_name,kept\nimages/a.png,false\nimages/b.png,\n")
    assert len(open_counted_images(folder)) == 1
    assert len(open_counted_images(folder, include_rejected=True)) == 2


def test_a_folder_of_rejected_images_says_so(make_folder):
    with pytest.raises(InputError, match="all of them rejected"):
        open_counted_images(make_folder(metadata="file_name,kept\nimages/a.png,false\n"))


def test_labelled_keeps_marked_images_only(make_folder):
    folder = make_folder(
        metadata="file_name,labelled\nimages/a.png,true\nimages/b.png,false\n",
        points="image,x,y\n",
    )
    opened = open_counted_images(folder)
    assert [record.name for record in opened.labelled()] == ["a.png"]
    np.testing.assert_array_equal(opened.counts(), [0, np.nan])


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"metadata": "file_name\nimages/z.png\n"}, "missing: images/z.png"),
        ({"metadata": "file_name\nimages/a.png\nimages/a.png\n"}, "same base name"),
        ({"metadata": "file_name,labelled\nimages/a.png,true\n"}, "not those of its list"),
        ({"metadata": "file_name,count\nimages/a.png,many\n"}, "'many'"),
        ({"split": "image,count\na.png,3\n", "points": "image,x,y\na.png,1,1\n"}, "3 cells"),
        ({"points": "image,x,y\na.tif,1,1\n"}, "not there: a.tif"),
        ({"metadata": "split\ntrain\n"}, "lacks the column file_name"),
    ],
)
def test_tables_that_contradict_the_folder_are_refused(make_folder, tables, message):
    with pytest.raises(InputError, match=message) as caught:
        open_counted_images(make_folder(**tables))
    assert "remedy" in str(caught.value)


@pytest.mark.parametrize("below", ["", "images"])
def test_an_empty_folder_is_refused(tmp_path, below):
    (tmp_path / "set" / below).mkdir(parents=True)
    with pytest.raises(InputError, match="no image that can be used"):
        open_counted_images(tmp_path / "set")


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="no folder"):
        open_counted_images(tmp_path / "nowhere")


def test_points_outside_the_image_are_refused(make_folder):
    opened = open_counted_images(make_folder(points="image,x,y\na.png,11,15\n"))
    with pytest.raises(InputError, match=r"a\.png lie outside"):
        opened.points(opened.records[0])


def test_points_that_fit_the_other_way_round_are_said_to_be_swapped(make_folder):
    opened = open_counted_images(make_folder(points="image,x,y\na.png,11,15\na.png,3,12\n"))
    with pytest.raises(InputError, match=r"2 of 2 cell centres of images/a\.png") as caught:
        opened.points(opened.records[0])
    assert "x and y seem to be swapped" in caught.value.remedy
    swapped = opened.with_swapped_axes()
    assert swapped.points(opened.records[0]).tolist() == [[11, 15], [3, 12]]
    beyond = open_counted_images(make_folder("far", points="image,x,y\na.png,11,15\na.png,90,1\n"))
    with pytest.raises(InputError) as caught:
        beyond.points(beyond.records[0])
    assert "micrometres" in caught.value.remedy
    assert "swapped" not in caught.value.remedy


def test_a_split_that_does_not_occur_names_those_that_do(make_folder):
    opened = open_counted_images(make_folder(split="image,split\na.png,train\nb.png,val\n"))
    assert opened.images_of("test") == ()
    with pytest.raises(InputError, match="train, val"):
        opened.split("test")


def test_an_image_of_another_size_than_listed_is_refused(make_folder):
    folder = make_folder(metadata="file_name,height,width\nimages/a.png,5,5\n")
    opened = open_counted_images(folder)
    with pytest.raises(InputError, match="5 x 5"):
        opened.read(opened.records[0])


def test_masks_are_found_by_stem_and_must_fit(make_folder):
    folder = make_folder()
    labels = np.zeros((12, 16), np.uint16)
    labels[2, 3] = 400
    write_mask(folder / "masks" / "a.png", labels)
    write_mask(folder / "masks" / "b.png", labels.T)
    opened = open_counted_images(folder)
    np.testing.assert_array_equal(opened.mask(opened.records[0]), labels)
    with pytest.raises(InputError, match="does not fit"):
        opened.mask(opened.records[1])


def test_hashes_use_what_is_recorded_and_else_the_pixels(make_folder):
    folder = make_folder(
        metadata="file_name,split,source_sha256\nimages/a.png,val,abc\nimages/b.png,val,\n"
    )
    opened = open_counted_images(folder)
    expected = {
        "images/a.png": "abc",
        "images/b.png": hash_pixels(opened.read(opened.records[1]).stored),
    }
    assert opened.hashes("val") == opened.hashes() == expected
    assert opened.hashes("train") == {}


def test_only_the_split_train_may_be_learnt_from(make_folder):
    whole = open_counted_images(make_folder("whole"))
    assert whole.training_part() is whole
    some = "image,split\na.png,train\nb.png,\n"
    divided = open_counted_images(make_folder("divided", split=some))
    assert [record.name for record in divided.training_part()] == ["a.png"]
    kept_back = open_counted_images(make_folder("kept", split="image,split\na.png,test\n"))
    with pytest.raises(InputError, match="split train"):
        kept_back.training_part()
