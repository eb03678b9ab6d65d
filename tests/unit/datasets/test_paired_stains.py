import numpy as np
import pytest

from adaptoscope.datasets.paired_stains import open_paired_stains
from adaptoscope.errors import InputError
from adaptoscope.imageio.files import write_image, write_mask

PAIRS = "input,target,stain,modality,split,mask\nimages/a.png,images/b.png,DAPI,phase,Training,\n"


def test_pairs_are_read(make_folder):
    opened = open_paired_stains(make_folder(pairs=PAIRS, points="image,x,y\na.png,1,2\n"))
    (record,) = opened
    assert (record.stain, record.modality, record.split) == ("DAPI", "phase", "train")
    pair = opened.read(record)
    assert (pair.given.name, pair.stain.name) == ("a.png", "b.png")
    assert opened.points(record).tolist() == [[2, 1]]
    assert opened.mask(record) is None
    assert opened.hashes() == {
        "images/a.png": pair.given.sha256,
        "images/b.png": pair.stain.sha256,
    }
    assert opened.hashes("test") == {}


def test_cells_of_a_field_serve_all_its_inputs(make_folder):
    folder = make_folder(
        images=("bf.png", "df.png", "dna.png"),
        pairs="input,target\nimages/bf.png,images/dna.png\nimages/df.png,images/dna.png\n",
        points="image,x,y\nbf.png,1,2\n",
    )
    opened = open_paired_stains(folder)
    assert [opened.points(record).tolist() for record in opened] == [[[2, 1]]] * 2


def test_cells_are_known_where_the_image_that_lists_them_is_not_selected(make_folder):
    folder = make_folder(
        images=("bf.png", "df.png", "dna.png"),
        pairs="input,target,modality\nimages/bf.png,images/dna.png,brightfield\n"
        "images/df.png,images/dna.png,darkfield\n",
        points="image,x,y\nbf.png,1,2\n",
    )
    (record,) = opened = open_paired_stains(folder).select(modality="darkfield")
    assert opened.has_points
    assert opened.points(record).tolist() == [[2, 1]]


def test_pairs_are_selected_and_unknown_ones_named(make_folder):
    opened = open_paired_stains(make_folder(pairs=PAIRS))
    assert len(opened.select(split="train", stain="DAPI")) == 1
    with pytest.raises(InputError, match="stain: DAPI"):
        opened.select(stain="RIP")


def test_pairs_without_points_say_so(make_folder):
    opened = open_paired_stains(make_folder(pairs=PAIRS))
    assert not opened.has_points
    with pytest.raises(InputError, match="not marked"):
        opened.points(opened.records[0])


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ("input,stain\nimages/a.png,x\n", "lacks the column target"),
        ("input,target\n", "no row"),
        ("input,target\nimages/a.png,\n", "incomplete"),
        ("input,target\nimages/a.png,images/z.png\n", "missing: images/z.png"),
        ("input,target\nimages/a.png,../b.png\n", "--root"),
    ],
)
def test_faulty_tables_are_refused(make_folder, pairs, message):
    with pytest.raises(InputError, match=message):
        open_paired_stains(make_folder(pairs=pairs))


def test_a_folder_without_pairs_is_refused(make_folder):
    with pytest.raises(InputError, match=r"pairs\.csv"):
        open_paired_stains(make_folder())


def test_images_of_different_size_are_refused(make_folder):
    folder = make_folder(pairs=PAIRS)
    write_image(folder / "images" / "b.png", np.zeros((3, 3)))
    opened = open_paired_stains(folder)
    with pytest.raises(InputError, match="not of the same size"):
        opened.read(opened.records[0])


def test_masks_are_read(make_folder):
    folder = make_folder(pairs="input,target,mask\nimages/a.png,images/b.png,masks/a.png\n")
    write_mask(folder / "masks" / "a.png", np.full((12, 16), 9))
    opened = open_paired_stains(folder)
    assert opened.mask(opened.records[0]).min() == 9


@pytest.mark.parametrize(
    ("name", "pairs"),
    [("idcia-icc", 96), ("mlcp-ifc", 12), ("isl-phase", 15), ("colicoords-bf", 9)],
)
def test_real_folders_open_as_they_are(shared_data, name, pairs):
    opened = open_paired_stains(shared_data / name, root=shared_data)
    assert len(opened) == pairs
    pair = opened.read(opened.records[-1])
    assert pair.given.shape == pair.stain.shape


def test_real_inputs_of_one_field_share_their_cells(shared_data):
    opened = open_paired_stains(shared_data / "mlcp-ifc")
    counts = {record.name: len(opened.points(record)) for record in opened}
    assert counts["exp1_g1_cp0008_bf.png"] == counts["exp1_g1_cp0008_df.png"] == 900


@pytest.mark.parametrize("name", ["a", "a.png"])
@pytest.mark.parametrize("marked", ["a", "a.png"])
def test_names_without_suffix_are_taken_where_one_image_is_meant(make_folder, name, marked):
    pairs = PAIRS.replace("images/a.png", f"images/{name}").replace(",", ";")
    folder = make_folder(pairs=pairs, points=f"image;x;y\n{marked};1,0;2,0\n")
    (record,) = (opened := open_paired_stains(folder))
    assert opened.read(record).given.name == "a.png"
    assert opened.points(record).tolist() == [[2, 1]]
