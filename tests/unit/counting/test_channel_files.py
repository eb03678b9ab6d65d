import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from adaptoscope.counting.channel_files import channels_in
from adaptoscope.counting.images_to_count import images_to_count, of_one_channel
from adaptoscope.counting.model_folder import load_counter
from adaptoscope.counting.settings import PredictSettings
from adaptoscope.errors import InputError
from adaptoscope.imageio.files import write_image, write_text
from tests.unit.counting.counted_rows import predict_counts

GUIDS = (
    "1E94C24B-45E4-450A-9919-257C714278F7", "2B14915F-0679-4494-82D1-F80894B32A66",
    "607EE13F-5945-4B26-9F5F-4EBA468CDBA9", "00000000-0000-0000-0000-000000000000",
)  # fmt: skip
SETS = {
    "metaxpress": ["P_A01_s1_w1{0}.tif", "P_A01_s1_w2{1}.tif", "P_A01_s2_w1{2}.tif",
                   "P_A01_s2_w2{3}.tif"],
    "metamorph": ["cells_w1DAPI_s1.TIF", "cells_w2FITC 2x_s1.TIF", "cells_w1DAPI_s2.TIF",
                  "cells_w2FITC 2x_s2.TIF"],
    "plain w": ["A01_w1.tif", "A01_w2.tif", "A02_w1.tif", "A02_w2.tif"],
    "harmony": ["r01c02f01p01-ch1sk1fk1fl1.tiff", "r01c02f01p01-ch2sk1fk1fl1.tiff",
                "r01c02f02p01-ch1sk1fk1fl1.tiff", "r01c02f02p01-ch2sk1fk1fl1.tiff"],
    "leica": ["a_Series001_ch01.tif", "a_Series001_ch02.tif", "a_Series002_ch01.tif",
              "a_Series002_ch02.tif"],
    "micro-manager": ["x_z0_C1_t0.png", "x_z0_C2_t0.png", "y_z0_C1_t0.png", "y_z0_C2_t0.png"],
    "lower case": ["a_c1.tif", "a_c2.tif", "b_c1.tif", "b_c2.tif"],
    "bio-formats": ["a - C=1.tif", "a - C=2.tif", "b - C=1.tif", "b - C=2.tif"],
    "imagej": ["C1-a.tif", "C2-a.tif", "C1-b.tif", "C2-b.tif"],
    "yokogawa": ["W_A01_T0001F001L01A01Z01C01.tif", "W_A01_T0001F001L01A01Z01C02.tif",
                 "W_A01_T0001F002L01A01Z01C01.tif", "W_A01_T0001F002L01A01Z01C02.tif"],
}  # fmt: skip


def names_of(kind):
    return [name.format(*GUIDS) for name in SETS[kind]]


@pytest.mark.parametrize("kind", SETS)
def test_channels_of_one_site_are_recognised(kind):
    names = names_of(kind)
    found = channels_in(names)
    assert {name: token.number for name, token in found.items()} == dict(
        zip(names, (1, 2, 1, 2), strict=True)
    )


@pytest.mark.parametrize(
    "names",
    [
        ["A_w1.tif", "B_w2.tif", "C_w3.tif"],
        ["r01c01f01-ch1.tiff", "r01c01f02-ch1.tiff"],
        ["tile_r1_c1.tif", "tile_r1_c2.tif", "tile_r2_c1.tif", "tile_r2_c2.tif"],
        ["r1c1.tif", "r1c2.tif", "r10-c2.tif"],
        [f"patient_c{number}.tif" for number in range(12)],
        ["cells1.tif", "cells2.tif"],
        ["abc1.tif", "abc2.tif"],
        ["mouse_pbs.tif", "mouse_drug.tif"],
        ["220909_GFP_A_F1_DAPI_ND1_20x.tif", "220909_GFP_A_F2_DAPI_ND1_20x.tif"],
        ["batch_1.tif", "match_2.tif"],
        [],
    ],
)
def test_names_that_look_alike_by_chance_are_left_alone(names):
    assert channels_in(names) == {}


@given(st.lists(st.text("abcw_-0123456789", min_size=1, max_size=8), max_size=8, unique=True))
def test_only_names_that_differ_in_the_channel_alone_are_channels(stems):
    found = channels_in([f"{stem}.tif" for stem in stems])
    sites = [token.site for token in found.values()]
    assert not found or len(set(sites)) < len(sites)


@pytest.fixture
def make(draw_field, tmp_path):
    def write(names, samples=1):
        folder = tmp_path / "in"
        for number, name in enumerate(names):
            pixels = draw_field(2 + number, number)[0]
            if samples == 1:
                write_image(folder / f"{name[:-4]}.tif", pixels)
            else:
                folder.mkdir(exist_ok=True)
                stack = np.stack([(pixels * 255).astype(np.uint8)] * samples)
                tifffile.imwrite(
                    folder / name, stack, photometric="minisblack", ome=True,
                    metadata={"axes": "CYX"},
                )  # fmt: skip
        return folder

    return write


NAMES = ("A_w1.tif", "A_w2.tif", "B_w1.tif", "B_w2.tif")


def count(folder, out, **settings):
    rows = predict_counts(load_counter("dog"), folder, out, PredictSettings(**settings))
    return [(row.image, bool(row.error)) for row in rows]


def test_channels_are_never_counted_as_sites(make, tmp_path):
    folder = make(NAMES)
    with pytest.raises(InputError, match="channels of each site") as caught:
        count(folder, tmp_path / "counts.csv")
    assert caught.value.found == "2 files of w1, 2 files of w2"
    assert "--channel 1 (w1), --channel 2 (w2)" in caught.value.remedy
    assert not (tmp_path / "counts.csv").exists()
    with pytest.raises(InputError, match="--channel 3"):
        count(folder, tmp_path / "counts.csv", channel=3)


def test_the_files_of_a_channel_are_chosen_by_its_number(make, tmp_path):
    folder = make((*NAMES, "overview.tif"))
    rows = count(folder, tmp_path / "counts.csv", channel=2)
    # A file whose name says no channel is asked for its own one.
    assert rows == [("A_w2.tif", False), ("B_w2.tif", False), ("overview.tif", True)]


def test_files_that_hold_channels_themselves_are_no_channels(make):
    found = images_to_count(make(("a_c1.tif", "a_c2.tif"), samples=3))
    assert of_one_channel(found, None) is found
    assert of_one_channel(found, 1) is found


def test_a_list_says_for_itself_what_is_counted(make, tmp_path):
    folder = make(NAMES)
    write_text(folder / "split.csv", "image\nA_w1.tif\nA_w2.tif\n")
    assert [row[0] for row in count(folder, tmp_path / "counts.csv")] == ["A_w1.tif", "A_w2.tif"]
