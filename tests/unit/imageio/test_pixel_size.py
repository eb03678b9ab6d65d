import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptoscope.imageio.microscopy_image import image_of_counts
from adaptoscope.imageio.pixel_size import (
    PixelSize,
    beside,
    calibrated,
    from_resolution,
    micrometres_in,
    with_pixel_size,
)

NAMES = {
    1e6: ["m", "metre", "meter", "Meters"],
    1e5: ["dm"],
    1e4: ["cm", "centimeter", "centimetre", "CM"],
    1e3: ["mm", "millimeter", "millimetres"],
    1.0: ["um", "µm", "μm", "micron", "Microns", "micrometer", "micrometre", "µ",
          "\\u00B5m", "u", "Âµm"],
    1e-3: ["nm", "nanometer"],
    1e-4: ["Å", "Å", "angstrom", "Angstroms"],
    1e-6: ["pm", "picometer"],
    25_400.0: ["in", "inch", "inches"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("size", "name"), [(s, name) for s, names in NAMES.items() for name in names]
)
def test_units_under_all_their_names(size, name):
    assert micrometres_in(name) == size


@pytest.mark.parametrize("name", ["furlong", "Mm", "Pm", "yd", "ly", "s"])
def test_an_unknown_unit_is_said(name):
    assert micrometres_in(name) is None
    told = calibrated(0.5, 0.5, (name, name), "its metadata")
    assert told.um is None
    assert repr(name) in told.remark
    assert "--pixel-size-um" in told.remark


@pytest.mark.parametrize("unit", ["pixel", "", "Pixels", "reference frame"])
def test_nothing_is_said_where_nobody_has_calibrated(unit):
    assert calibrated(1.0, 1.0, (unit, unit), "its metadata") == PixelSize()


@given(
    st.floats(0.05, 5),
    st.floats(0.05, 5),
    st.sampled_from([("um", 1.0), ("nm", 1e3), ("m", 1e-6), ("Å", 1e4)]),
)
def test_both_edges_count_for_the_area(height, width, unit):
    name, number = unit
    told = calibrated(height * number, width * number, (name, name), "its metadata")
    if told.um is None:
        assert height == width == number == 1
        return
    assert told.um**2 == pytest.approx(height * width, rel=1e-4)
    longer, shorter = max(height, width), min(height, width)
    assert ("not square" in told.remark) == (longer > 1.02 * shorter)


def test_units_may_differ_between_the_edges():
    told = calibrated(325, 0.65, ("nm", "um"), "its metadata")
    assert told.um == pytest.approx((0.325 * 0.65) ** 0.5, rel=1e-5)
    assert "0.325 x 0.65" in told.remark


@pytest.mark.parametrize("size", [0.0, -1.0, float("nan"), float("inf")])
def test_impossible_numbers_are_none(size):
    assert calibrated(size, size, ("um", "um"), "its metadata").um is None


@pytest.mark.parametrize("size", [1e-5, 1e4])
def test_what_no_microscope_has_is_not_used_and_said(size):
    told = calibrated(size, size, ("um", "um"), "its metadata")
    assert told.um is None
    assert "no microscope" in told.remark


def test_the_number_that_programs_write_by_default_is_not_used():
    told = calibrated(1, 1, ("um", "um"), "its metadata")
    assert told.um is None
    assert "without a calibration" in told.remark
    assert calibrated(1, 1, ("um", "um"), "its metadata", is_ours=True).um == 1.0
    assert calibrated(1000, 1000, ("nm", "nm"), "its metadata").um == 1.0
    assert calibrated(1, 0.5, ("um", "um"), "its metadata").um == pytest.approx(0.5**0.5)


@pytest.mark.parametrize("dpi", [1, 72, 96, 150, 300, 600, 1200])
def test_printers_resolutions_are_no_pixel_sizes(dpi):
    assert from_resolution(25_400 / dpi, 25_400 / dpi, "the tag") == PixelSize()


@pytest.mark.parametrize("camera", [3.45, 4.54, 5.86, 6.45, 6.5, 7.4, 11.0, 13.0])
def test_a_cameras_own_pixel_is_not_used_and_said(camera):
    told = from_resolution(camera, camera, "the tag")
    assert told.um is None
    assert f"{camera:g} um" in told.remark


def test_small_pixels_of_a_plain_tag_are_used():
    assert from_resolution(0.65, 0.65, "the tag") == PixelSize(0.65)


def test_two_sources_that_differ_are_both_named():
    told = beside(PixelSize(1.2), 6.45, "the index", "the file")
    assert told == PixelSize(1.2, "pixel size 1.2 um from the index, while the file says 6.45 um")
    assert beside(PixelSize(1.2), 1.21, "the index", "the file") == PixelSize(1.2)
    assert beside(PixelSize(), 1.21, "the index", "the file") == PixelSize()


def test_a_person_overrides_a_file_and_is_told():
    counts = np.zeros((3, 4), np.uint8)
    image = image_of_counts("a.tif", counts, PixelSize(0.65))
    told = with_pixel_size(image, 0.5, "the list")
    assert told.pixel_size_um == 0.5
    assert "the file says 0.65" in told.pixel_size_remark
    kept = with_pixel_size(image, 0.5, "--pixel-size-um", only_unknown=True)
    assert kept.pixel_size_um == 0.65
    assert "--pixel-size-um says 0.5" in kept.pixel_size_remark
    doubtful = image_of_counts("a.tif", counts, PixelSize(None, "not used"))
    given = with_pixel_size(doubtful, 0.5, "--pixel-size-um", only_unknown=True)
    assert (given.pixel_size_um, given.pixel_size_remark) == (0.5, "")
    narrow = image_of_counts("a.tif", counts, PixelSize(0.5, "pixels are not square"))
    assert with_pixel_size(narrow, 0.5, "the list").pixel_size_remark == "pixels are not square"
