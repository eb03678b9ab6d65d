import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptoscope.errors import InputError
from adaptoscope.imageio import large_images
from adaptoscope.imageio.files import read_image, write_image
from adaptoscope.imageio.large_images import average_blocks, large_image, sample_of

RANDOM = np.random.default_rng(0).integers(0, 60000, (3, 2, 90, 150)).astype(np.uint16)
PLANE = RANDOM[0, 0]
WAYS = {
    "tiles": {"tile": (32, 48)},
    "deflated tiles": {"tile": (16, 16), "compression": "deflate", "predictor": 2},
    "strips": {"rowsperstrip": 7, "compression": "zstd"},
    "uncompressed": {},
    "big-endian": {"byteorder": ">"},
}


@pytest.mark.parametrize("way", WAYS)
def test_parts_are_those_of_the_image_read_whole(tmp_path, way):
    tifffile.imwrite(tmp_path / "a.tif", PLANE, **WAYS[way])
    whole = read_image(tmp_path / "a.tif")

    with large_image(tmp_path / "a.tif") as image:
        assert image.shape == (90, 150)
        for rows, columns in ((slice(0, 90), slice(0, 150)), (slice(13, 77), slice(31, 149))):
            np.testing.assert_array_equal(image[rows, columns], whole.pixels[rows, columns])
        again = image.whole(max_pixels=90 * 150)

    assert again.sha256 == whole.sha256


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_part_is_that_of_the_array(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.tif"
    if not path.exists():
        tifffile.imwrite(path, PLANE, tile=(32, 48), compression="deflate")
    top, left = data.draw(st.integers(0, 89)), data.draw(st.integers(0, 149))
    bottom, right = data.draw(st.integers(top, 95)), data.draw(st.integers(left, 160))

    with large_image(path) as image:
        part = image.parts.read(slice(top, bottom), slice(left, right))

    np.testing.assert_array_equal(part, PLANE[top:bottom, left:right])


@pytest.mark.parametrize("options", [{"tile": (32, 32), "compression": "deflate"}, {}])
@pytest.mark.parametrize("z", [2, "max"])
def test_channel_and_plane_are_chosen_as_for_whole_images(tmp_path, options, z):
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, RANDOM, metadata={"axes": "ZCYX"}, photometric="minisblack", **options)
    whole = read_image(path, channel=1, z=z)

    with large_image(path, channel=1, z=z) as image:
        assert image.channel == 1
        np.testing.assert_array_equal(image[:, :], whole.pixels)
    for wrong, message in (({"z": 0}, "--channel N"), ({"channel": 0}, "--z")):
        with pytest.raises(InputError, match=message), large_image(path, **wrong):
            pass


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_a_colour_image_is_read_by_its_channel(tmp_path, planar):
    colour = RANDOM[:, 0] if planar == "separate" else RANDOM[:, 0].transpose(1, 2, 0)
    tifffile.imwrite(
        tmp_path / "a.tif", colour, tile=(32, 48), photometric="rgb", planarconfig=planar,
        compression="deflate",
    )  # fmt: skip

    with large_image(tmp_path / "a.tif", channel=2) as image:
        np.testing.assert_array_equal(image.parts.read(slice(None), slice(None)), RANDOM[2, 0])


def test_floating_point_becomes_the_16_bit_scale_and_is_refused_elsewhere(tmp_path):
    values = np.linspace(0, 1, 90 * 150).reshape(90, 150)
    tifffile.imwrite(tmp_path / "a.tif", values.astype(np.float32), tile=(32, 32))
    tifffile.imwrite(tmp_path / "b.tif", (2 * values).astype(np.float32), tile=(32, 32))

    with large_image(tmp_path / "a.tif") as image:
        np.testing.assert_array_equal(image[:, :], read_image(tmp_path / "a.tif").pixels)
    with (
        large_image(tmp_path / "b.tif") as image,
        pytest.raises(InputError, match="not on a known scale"),
    ):
        image[80:90, :]


def test_what_is_stored_in_one_piece_cannot_be_read_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("adaptoscope.imageio.tiff_parts.LARGEST_BLOCK", 1000)
    tifffile.imwrite(tmp_path / "a.tif", PLANE, compression="deflate", rowsperstrip=90)
    write_image(tmp_path / "b.png", PLANE / 65535)

    for name in ("a.tif", "b.png"):
        with large_image(tmp_path / name) as image:
            assert image is None


def test_a_damaged_tile_is_an_error_of_this_image(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PLANE, tile=(32, 32), compression="deflate")
    with tifffile.TiffFile(path) as file:
        start = file.pages[0].dataoffsets[4]
    content = bytearray(path.read_bytes())
    content[start : start + 40] = b"\xff" * 40
    path.write_bytes(content)

    with large_image(path) as image, pytest.raises(InputError, match=r"a\.tif cannot be decoded"):
        image[:, :]


def test_an_image_read_whole_has_a_limit(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", PLANE, tile=(32, 32))

    with large_image(tmp_path / "a.tif") as image, pytest.raises(InputError) as caught:
        image.whole(max_pixels=1000)

    assert "--max-pixels" in str(caught.value)
    assert "90 x 150" in caught.value.found


def test_decoded_blocks_are_kept_up_to_a_limit(tmp_path, monkeypatch):
    monkeypatch.setattr("adaptoscope.imageio.stored_parts._KEPT", 4 * 32 * 32 * 2)
    tifffile.imwrite(tmp_path / "a.tif", PLANE, tile=(32, 32), compression="deflate")

    with large_image(tmp_path / "a.tif") as image:
        for _ in range(2):
            np.testing.assert_array_equal(image.parts.read(slice(0, 90), slice(0, 150)), PLANE)
        assert len(image.parts._kept) <= 5


@pytest.mark.parametrize("shape", [(64, 64), (16, 300), (300, 16), (7, 9)])
def test_a_small_image_is_measured_whole_and_a_large_one_on_a_grid(shape, monkeypatch):
    pixels = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    np.testing.assert_array_equal(sample_of(pixels), pixels)

    monkeypatch.setattr(large_images, "WHOLE_PIXELS", 10)
    monkeypatch.setattr(large_images, "_SAMPLE_SIDE", 8)
    sample = sample_of(pixels)

    assert sample.size <= 16 * 64
    # No pixel is taken twice, and both ends of the image are seen.
    assert len(np.unique(sample)) == sample.size
    rows, columns = np.divmod(sample, shape[1])
    for seen, side in ((rows, shape[0]), (columns, shape[1])):
        assert seen.min() < max(1, side / 3)
        assert seen.max() >= side - max(2, side / 3)


def test_an_overview_holds_the_means_of_blocks():
    pixels = np.random.default_rng(1).random((43, 91), dtype=np.float32)

    small, block = average_blocks(pixels, 30)

    assert block == 3
    assert small.shape == (14, 30)
    assert small[2, 5] == pytest.approx(pixels[6:9, 15:18].mean(), rel=1e-5)
    np.testing.assert_array_equal(average_blocks(pixels, 91)[0], pixels)
