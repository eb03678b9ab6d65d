from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptoscope.datasets.paired_stains import PairedStainSet, open_paired_stains
from adaptoscope.errors import InputError, OutputError
from adaptoscope.imageio.files import read_image, write_image, write_mask
from experiments.stain_study.pair_parts import FieldPart, write_parts

HALVES = (
    FieldPart("train", columns=(0, 0.5)),
    FieldPart("test", columns=(0.5, 1)),
)


@pytest.fixture
def field(tmp_path: Path) -> PairedStainSet:
    """Two focal planes of one field of 16 bits with a mask and two cells."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "set"
    for name in ("f_z00", "f_z06", "f_dapi"):
        write_image(folder / "images" / f"{name}.png", rng.random((6, 9)), bit_depth=16)
    write_mask(folder / "masks" / "f_z00.png", rng.integers(0, 5, (6, 9)).astype(np.uint16))
    (folder / "pairs.csv").write_text(
        "input,target,stain,mask\n"
        "images/f_z00.png,images/f_dapi.png,dapi,masks/f_z00.png\n"
        "images/f_z06.png,images/f_dapi.png,dapi,\n"
    )
    (folder / "points.csv").write_text("image,x,y\nf_dapi.png,1,2\nf_dapi.png,7,5\n")
    return open_paired_stains(folder)


def test_parts_hold_the_same_counts_masks_and_cells(field: PairedStainSet, tmp_path: Path) -> None:
    cut = write_parts(field, tmp_path / "cut", HALVES, modality=r"_(z\d+)")
    assert [(each.modality, each.split, each.group) for each in cut] == [
        ("z00", "test", "f_dapi"),
        ("z00", "train", "f_dapi"),
        ("z06", "test", "f_dapi"),
        ("z06", "train", "f_dapi"),
    ]
    whole = field.read(field.records[0])
    for record in cut.select(modality="z00"):
        columns = slice(0, 4) if record.split == "train" else slice(4, 9)
        pair = cut.read(record)
        np.testing.assert_array_equal(pair.given.stored, whole.given.stored[:, columns])
        np.testing.assert_array_equal(pair.stain.stored, whole.stain.stored[:, columns])
        mask = field.mask(field.records[0])
        assert mask is not None
        np.testing.assert_array_equal(cut.mask(record), mask[:, columns])
        expected = [[2, 1]] if record.split == "train" else [[5, 3]]
        assert cut.points(record).tolist() == expected


def test_planes_share_their_stain_and_a_second_call_writes_nothing(
    field: PairedStainSet, tmp_path: Path
) -> None:
    cut = write_parts(field, tmp_path / "cut", HALVES, modality=r"_(z\d+)")
    assert len({each.target for each in cut.select(split="train")}) == 1
    images = {path: path.stat().st_mtime_ns for path in (tmp_path / "cut" / "images").iterdir()}
    seen: list[str] = []
    again = write_parts(field, tmp_path / "cut", HALVES, modality=r"_(z\d+)", on_image=seen.append)
    assert len(seen) == len(again) == 4
    assert images == {path: path.stat().st_mtime_ns for path in images}
    with pytest.raises(OutputError, match="other settings"):
        write_parts(field, tmp_path / "cut", HALVES[:1])


def test_all_stains_of_a_field_are_in_one_group(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    for name in ("f_z00", "f_z06", "f_dapi", "f_cd29"):
        write_image(folder / "images" / f"{name}.png", np.zeros((4, 4)))
    rows = [
        f"images/f_{z}.png,images/f_{s}.png,{s}" for z in ("z00", "z06") for s in ("dapi", "cd29")
    ]
    (folder / "pairs.csv").write_text("\n".join(["input,target,stain", *rows]))
    cut = write_parts(open_paired_stains(folder), tmp_path / "cut", HALVES)
    assert {record.group for record in cut} == {"f_cd29"}


def test_names_choose_the_files(field: PairedStainSet, tmp_path: Path) -> None:
    cut = write_parts(field, tmp_path / "cut", [FieldPart("train", files="*_z06*")])
    (record,) = cut
    assert record.modality is None
    np.testing.assert_array_equal(
        read_image(tmp_path / "cut" / record.input).stored,
        read_image(field.folder / "images" / "f_z06.png").stored,
    )


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ((), "no part"),
        ((FieldPart("train", files="*_z99*"),), "no given image is called"),
        ((FieldPart("train", rows=(0.5, 0.5)),), "train has no pixel of"),
        ((FieldPart("train", rows=(0, 0.6)), FieldPart("test", rows=(0.4, 1))), "test overlaps"),
    ],
)
def test_parts_that_cannot_be_cut_are_named(
    field: PairedStainSet, tmp_path: Path, parts: tuple[FieldPart, ...], found: str
) -> None:
    with pytest.raises(InputError, match="cannot be cut") as caught:
        write_parts(field, tmp_path / "cut", parts)
    assert found in caught.value.found
    assert not (tmp_path / "cut").exists()


def test_names_that_say_no_modality_are_named(field: PairedStainSet, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="says no modality"):
        write_parts(field, tmp_path / "cut", HALVES, modality="plane(.)")
    # The folder can be begun with another pattern.
    assert not (tmp_path / "cut").exists()


def test_files_of_one_name_are_told(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        write_image(tmp_path / "set" / folder / "a.png", np.zeros((4, 4)))
    (tmp_path / "set" / "pairs.csv").write_text("input,target\none/a.png,two/a.png\n")
    with pytest.raises(InputError, match="cannot be cut") as caught:
        write_parts(open_paired_stains(tmp_path / "set"), tmp_path / "cut", HALVES)
    assert caught.value.found == "2 files are called a"


@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.lists(st.floats(0, 1, allow_nan=False), min_size=1, max_size=4),
)
def test_parts_side_by_side_cover_every_pixel_once(
    height: int, width: int, edges: list[float]
) -> None:
    covered = np.zeros((height, width), int)
    bounds = [0.0, *sorted(edges), 1.0]
    for low, high in pairwise(bounds):
        covered[FieldPart("train", columns=(low, high)).window(covered.shape)] += 1
    assert (covered == 1).all()
