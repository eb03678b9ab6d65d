import time

import pytest

from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.datasets.foreign import foreign_records, idcia_culture
from adaptoscope.errors import InputError

REAL = {
    "idcia-dapi": (95, 13437, {"train": 61, "val": 15, "test": 19}),
    "idcia-icc": (121, 4749, {}),
    "dsb2018": (541, 23096, {"train": 379, "val": 54, "test": 108}),
    "dsb2018-dapi": (203, 13446, {"train": 143, "val": 20, "test": 40}),
    "bbbc039": (48, 5564, {"train": 29, "val": 7, "test": 12}),
    "vgg-cells": (200, 35192, {"train": 100, "val": 50, "test": 50}),
}
"""Images, cells and splits as the READMEs of the collection give them."""


@pytest.mark.parametrize("name", REAL)
def test_real_folders_open_as_they_are(shared_data, name):
    images, cells, splits = REAL[name]
    opened = open_counted_images(shared_data / name, root=shared_data)
    assert len(opened) == images
    assert opened.counts().sum() == cells
    assert sum(len(opened.points(record)) for record in opened) == cells
    assert {split: len(opened.images_of(split)) for split in splits} == splits
    first = opened.records[0]
    assert opened.read(first).shape == opened.size(first)
    if name.startswith(("dsb", "bbbc")):
        mask = opened.mask(first)
        assert len(set(mask[mask > 0].tolist())) == first.count


def test_opening_decodes_no_image(shared_data):
    start = time.perf_counter()
    opened = open_counted_images(shared_data / "idcia-dapi")
    assert time.perf_counter() - start < 1
    assert all(record.height is None for record in opened)


def test_idcia_has_20_cultures_and_all_of_the_test_split_are_trained_on(shared_data):
    opened = open_counted_images(shared_data / "idcia-dapi")
    groups = {record.group for record in opened}
    assert len(groups) == 20
    assert None not in groups
    trained = {record.group for record in opened.images_of("train")}
    assert {record.group for record in opened.images_of("test")} <= trained


@pytest.mark.parametrize(
    ("stem", "culture"),
    [
        ("220909_GFP-AHPC_A_GFAP_F10_DAPI_ND1_20x", "220909_GFP-AHPC_A_GFAP"),
        ("220912_GFP-AHPC_C_TuJ1_F1.2_Cy3_ND1_20x", "220912_GFP-AHPC_C_TuJ1"),
        ("plate_F1_DAPI", None),
        ("001", None),
    ],
)
def test_cultures_of_idcia(stem, culture):
    assert idcia_culture(stem) == culture


def test_split_csv_is_used_before_the_other_lists(make_folder):
    folder = make_folder(
        split="image,split,cluster,unknown\na.png,Validation,4,x\n",
        counts="image,count\nb.png,9\n",
        points="image,x,y\na.png,1,2\nb.png,1,2\n",
    )
    (record,) = open_counted_images(folder)
    assert (record.file_name, record.split, record.group) == ("images/a.png", "val", "4")
    assert (record.count, record.labelled) == (1, True)


def test_counts_csv_names_the_stain_and_empty_images(make_folder):
    folder = make_folder(
        counts="image,stain,count\na.png,GFAP,0\nb.png,RIP,1\n", points="image,x,y\nb.png,3,4\n"
    )
    empty, full = open_counted_images(folder)
    assert (empty.channel, empty.count, empty.labelled) == ("GFAP", 0, True)
    assert (full.channel, full.count) == ("RIP", 1)


def test_a_table_of_predicted_counts_is_no_list(make_folder):
    predicted = "image,count,lower,upper,flag,region\na.png,12.5,,,,all\n"
    plain = open_counted_images(make_folder("plain", counts=predicted))
    assert [(record.name, record.count) for record in plain] == [("a.png", None), ("b.png", None)]
    listed = make_folder("listed", counts=predicted, quality="image,status\nb.png,ok\n")
    assert [record.name for record in open_counted_images(listed)] == ["b.png"]


def test_quality_csv_rejects_unusable_images(make_folder):
    folder = make_folder(
        images=("a.png", "b.png", "c.png"),
        quality="image,status,n_used\na.png,ok,2\nb.png,mismatch,3\nc.png,fixed:dots-of:d,0\n",
    )
    assert [record.name for record in open_counted_images(folder)] == ["a.png", "c.png"]
    everything = open_counted_images(folder, include_rejected=True)
    assert everything.records[1].reject_reason == "mismatch"
    assert everything.records[0].count == 2


def test_without_points_images_are_unlabelled_but_keep_their_count(make_folder):
    opened = open_counted_images(make_folder(split="image,split,count\na.png,train,5\n"))
    assert opened.records[0].labelled is False
    assert opened.records[0].count == 5
    with pytest.raises(InputError, match="not marked"):
        opened.points(opened.records[0])


def test_images_that_no_list_names_are_unlabelled_where_no_cell_is_marked(make_folder):
    opened = open_counted_images(make_folder(points="image,x,y\na.png,1,2\n"))
    assert [record.labelled for record in opened] == [True, False]


def test_images_may_lie_in_the_folder_itself(make_folder):
    folder = make_folder() / "images"
    assert [record.file_name for record in open_counted_images(folder)] == ["a.png", "b.png"]


def test_a_list_without_image_names_is_refused(make_folder):
    with pytest.raises(InputError, match="does not name images"):
        open_counted_images(make_folder(split="name,split\na.png,train\n"))


def test_images_elsewhere_bring_their_own_cells_and_masks(make_folder, tmp_path):
    make_folder("other", points="image,x,y\na.png,3,4\n")
    folder = make_folder("set", images=(), split="image,split\n../other/images/a.png,train\n")
    with pytest.raises(InputError, match="--root"):
        open_counted_images(folder)
    opened = open_counted_images(folder, root=tmp_path)
    assert opened.points(opened.records[0]).tolist() == [[4, 3]]


def test_masks_named_after_an_image_beside_them_are_no_images(make_folder):
    images = ("a.png", "a_cp_masks.png", "a_outlines.png", "b_masks.png", "c_labelled.png")
    names = [record.name for record in foreign_records(make_folder(images=images))]
    assert names == ["a.png", "b_masks.png", "c_labelled.png"]
