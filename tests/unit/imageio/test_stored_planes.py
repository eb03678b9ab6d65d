import imagecodecs
import numpy as np
import pytest
import tifffile

from adaptoscope.errors import InputError
from adaptoscope.imageio.files import read_header, read_image

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


@pytest.mark.parametrize("samples", [2, 3, 4])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_grey_stored_as_colour_is_read(tmp_path, samples, suffix):
    colour = np.repeat(STACK[0, 0][..., None], samples, axis=2)
    if samples != 3:
        colour[..., -1] = 255
    path = write_colour(tmp_path / f"a.{suffix}", colour)
    np.testing.assert_array_equal(read_image(path).stored, STACK[0, 0])


@pytest.mark.parametrize("filled", [0, 1, 2])
def test_the_only_filled_colour_is_read(tmp_path, filled):
    colour = np.zeros((*STACK.shape[2:], 3), STACK.dtype)
    colour[..., filled] = STACK[0, 0]
    image = read_image(write_colour(tmp_path / "a.tif", colour))
    np.testing.assert_array_equal(image.stored, STACK[0, 0])
    assert image.channel == filled


def test_other_colours_are_refused(tmp_path):
    colour = np.stack([STACK[0, 0], STACK[0, 0], STACK[1, 0]], axis=2)
    veiled = np.repeat(STACK[0, 0][..., None], 4, axis=2)
    for suffix in ("png", "tif"):
        for values, number in ((colour, 3), (veiled, 4)):
            path = write_colour(tmp_path / f"a.{suffix}", values)
            with pytest.raises(InputError, match=rf"{number} channels \(colour image\)"):
                read_image(path)
            chosen = read_image(path, channel=number - 1)
            np.testing.assert_array_equal(chosen.stored, values[..., -1])
            assert chosen.channel == number - 1


def write_colour(path, values):
    if path.suffix == ".png":
        path.write_bytes(imagecodecs.png_encode(values))
    else:
        kind = "rgb" if values.shape[2] > 2 else "minisblack"
        tifffile.imwrite(path, values, photometric=kind, planarconfig="contig")
    return path


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((60, 70, 2), {}),
        ((60, 70, 3), {"photometric": "minisblack", "planarconfig": "separate"}),
        ((60, 70, 2), {"imagej": True}),
        ((60, 70, 2), {"photometric": "minisblack", "planarconfig": "separate"}),
        ((60, 70, 10), {"compression": "zlib", "photometric": "minisblack"}),
    ],
)
@pytest.mark.parametrize("z", [None, "max", 0])
def test_exchanged_axes_are_named_and_never_counted(tmp_path, shape, options, z):
    values = np.random.default_rng(0).integers(0, 999, shape).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", values, **options)
    for channel in (None, 0):
        with pytest.raises(InputError, match="axes=") as caught:
            read_image(tmp_path / "a.tif", channel=channel, z=z)
        assert f"60 planes of 70 x {shape[2]}" in caught.value.found
        assert "--z" not in str(caught.value)


def test_a_single_plane_may_be_asked_for_by_name(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", STACK[0, 0])
    image = read_image(tmp_path / "a.tif", channel=0, z="max")
    np.testing.assert_array_equal(image.stored, STACK[0, 0])
    assert image.channel is None
