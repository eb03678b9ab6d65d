import pickle

import numpy as np
import pytest

from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.errors import InputError
from adaptoscope.imageio.files import hash_pixels, write_image, write_mask


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


def test_a_european_spreadsheet_with_names_without_suffix_is_read(make_folder):
    folder = make_folder(images=("Pra\u0308parat_1.tif", "b.tif"))
    text = "image;x;y;note\r\nPr\u00e4parat_1;12,5;3,25;\u00b5\r\nPr\u00e4parat_1.tif;1;2;\r\n"
    (folder / "points.csv").write_bytes(text.encode("cp1252"))
    (folder / "split.csv").write_text("image;split\nPr\u00e4parat_1;train\nb;test\n")
    opened = open_counted_images(folder)
    first, second = opened.records
    assert (first.name, second.name) == ("Pra\u0308parat_1.tif", "b.tif")
    assert opened.points(first).tolist() == [[3.25, 12.5], [2, 1]]
    assert second.count == 0
    assert opened.read(first).name == "Pra\u0308parat_1.tif"


def test_a_name_that_could_be_two_images_is_not_guessed(make_folder):
    folder = make_folder(images=("a.tif", "a.png"), points="image,x,y\na,1,2\n")
    with pytest.raises(InputError, match="not there: a"):
        open_counted_images(folder)
    (folder / "points.csv").unlink()
    (folder / "split.csv").write_text("image\na\n")
    with pytest.raises(InputError, match="missing"):
        open_counted_images(folder)


def test_names_too_long_for_a_disk_are_refused_in_a_few_words(make_folder):
    with pytest.raises(InputError, match="cannot exist") as caught:
        open_counted_images(make_folder(split=f"image\n{'x' * 5000}\n"))
    assert len(str(caught.value)) < 1000


def test_a_list_that_contradicts_the_pixel_size_of_a_file_is_said(make_folder):
    folder = make_folder(images=("a.tif",), metadata="file_name,pixel_size_um\nimages/a.tif,0.5\n")
    write_image(folder / "images" / "a.tif", np.zeros((12, 16)), pixel_size_um=0.25)
    opened = open_counted_images(folder)
    image = opened.read(opened.records[0])
    assert image.pixel_size_um == 0.5
    assert "the file says 0.25 um" in image.pixel_size_remark


def test_one_image_alone_is_as_it_was_in_the_set_and_small(make_folder):
    rows = "".join(f"a.png,{x / 100},2\n" for x in range(1000))
    opened = open_counted_images(make_folder(points=f"image,x,y\nb.png,1,2\n{rows}"))
    record = next(each for each in opened if each.name == "b.png")
    alone = opened.only(record)
    assert alone.records == (record,)
    np.testing.assert_array_equal(alone.points(record), opened.points(record))
    np.testing.assert_array_equal(alone.read(record).pixels, opened.read(record).pixels)
    assert len(pickle.dumps(alone)) < len(pickle.dumps(opened)) / 4


def test_an_image_without_points_has_none_alone(make_folder):
    opened = open_counted_images(make_folder())
    alone = opened.only(opened.records[0])
    with pytest.raises(InputError, match="not marked"):
        alone.points(alone.records[0])
