import imagecodecs
import numpy as np
import pytest
import tifffile

from adaptoscope.errors import InputError
from adaptoscope.images.files import read_header, read_image

STACK = np.arange(2 * 3 * 4 * 5, dtype=np.uint8).reshape(2, 3, 4, 5)


def write_stack(path, stack, axes, **options):
    tifffile.imwrite(path, stack, photometric="minisblack", metadata={"axes": axes}, **options)
    return path


def test_a_stack_without_z_is_refused_with_its_remedy(tmp_path):
    path = write_stack(tmp_path / "a.tif", STACK[0], "ZYX", imagej=True)
    with pytest.raises(InputError, match=r"--z max .* --z N, N from 0 to 2"):
        read_image(path)


@pytest.mark.parametrize("options", [{"imagej": True}, {"ome": True}, {}])
@pytest.mark.parametrize(("z", "expected"), [(1, STACK[0, 1]), ("max", STACK[0].max(axis=0))])
def test_a_plane_or_the_brightest_values_are_chosen(tmp_path, options, z, expected):
    path = write_stack(tmp_path / "a.tif", STACK[0], "ZYX", **options)
    np.testing.assert_array_equal(read_image(path, z=z).stored, expected)
    assert read_header(path).height == 4


def test_pages_without_axes_are_a_stack_too(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", STACK[0], photometric="minisblack", metadata=None)
    with pytest.raises(InputError, match="3 planes"):
        read_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif", z=2).stored, STACK[0, 2])


@pytest.mark.parametrize("options", [{"imagej": True}, {"ome": True}])
def test_channels_and_planes_are_told_apart_by_their_axes(tmp_path, options):
    stack = STACK.transpose(1, 0, 2, 3)  # ImageJ's order: planes before channels
    path = write_stack(tmp_path / "a.tif", stack, "ZCYX", **options)
    for arguments in ({}, {"z": 0}):
        with pytest.raises(InputError, match="--channel N, N from 0 to 1"):
            read_image(path, **arguments)
    with pytest.raises(InputError, match="--z"):
        read_image(path, channel=1)
    image = read_image(path, channel=1, z=2)
    np.testing.assert_array_equal(image.stored, STACK[1, 2])
    assert image.channel == 1


@pytest.mark.parametrize("choice", [{"z": 3}, {"z": -1}, {"z": "mean"}, {"z": 0, "channel": 2}])
def test_choices_that_do_not_exist_are_refused(tmp_path, choice):
    path = write_stack(tmp_path / "a.tif", STACK[0], "ZYX", imagej=True)
    with pytest.raises(InputError, match="does not have the"):
        read_image(path, **choice)


def test_time_is_refused(tmp_path):
    path = write_stack(tmp_path / "a.tif", STACK[0], "TYX", imagej=True)
    with pytest.raises(InputError, match="T is time"):
        read_image(path, z=0)


def test_several_images_in_one_file_are_refused(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(STACK[0, 0])
        writer.write(STACK[0, 0, :2])
    with pytest.raises(InputError, match="2 images"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("samples", [3, 4])
def test_colour_is_refused_even_where_all_channels_are_equal(tmp_path, samples):
    grey = np.repeat(STACK[0, 0][..., None], samples, axis=2)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(grey))
    with pytest.raises(InputError, match="--channel N"):
        read_image(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png", channel=samples - 1)
    np.testing.assert_array_equal(image.stored, STACK[0, 0])
    assert image.channel == samples - 1


def test_colour_tiff_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((6, 7, 3), np.uint8), photometric="rgb")
    with pytest.raises(InputError, match=r"3 channels \(colour image\)"):
        read_image(tmp_path / "a.tif")
    assert read_image(tmp_path / "a.tif", channel=0).shape == (6, 7)


def test_a_single_plane_may_be_asked_for_by_name(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", STACK[0, 0])
    image = read_image(tmp_path / "a.tif", channel=0, z="max")
    np.testing.assert_array_equal(image.stored, STACK[0, 0])
    assert image.channel is None
