import json
import sys

import numpy as np
import pytest
import tifffile

from adaptoscope.errors import InputError, MissingDependencyError
from adaptoscope.imageio.files import read_image
from adaptoscope.imageio.large_images import large_image, stored_parts

STACK = np.random.default_rng(0).integers(0, 60000, (1, 2, 3, 70, 90)).astype(np.uint16)
AXES = [{"name": "t", "type": "time"}, {"name": "c", "type": "channel"}] + [
    {"name": name, "type": "space", "unit": "micrometer"} for name in "zyx"
]


def described(scale=1.0, axes=AXES):
    steps = [{"type": "scale", "scale": [1.0] * (len(axes) - 2) + [scale, scale]}]
    return [{"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": steps}]}]


def test_without_the_library_it_is_named_with_its_extra(tmp_path, monkeypatch):
    (tmp_path / "a.zarr").mkdir()
    monkeypatch.setitem(sys.modules, "zarr", None)

    with pytest.raises(MissingDependencyError) as caught, large_image(tmp_path / "a.zarr"):
        pass

    assert "adaptoscope[formats]" in caught.value.remedy


@pytest.fixture(name="zarr")
def zarr_library():
    return pytest.importorskip("zarr", minversion="3")


def write(zarr, path, values, *, version=3, attributes=None, **options):
    group = zarr.open_group(path, mode="w", zarr_format=version)
    options = {"chunks": (1,) * (values.ndim - 2) + (32, 40)} | options
    array = group.create_array("0", shape=values.shape, dtype=values.dtype, **options)
    array[...] = values
    group.attrs.update(attributes)
    return path


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("z", [1, "max"])
def test_channel_and_plane_are_chosen_as_in_a_tiff(zarr, tmp_path, version, z):
    said = described(0.325)
    attributes = {"multiscales": said} if version == 2 else {"ome": {"multiscales": said}}
    path = write(zarr, tmp_path / "a.zarr", STACK, version=version, attributes=attributes)
    tifffile.imwrite(
        tmp_path / "a.ome.tif", STACK[0], metadata={"axes": "CZYX"}, photometric="minisblack"
    )

    with large_image(path, channel=1, z=z) as image:
        assert image.shape == (70, 90)
        assert (image.channel, image.pixel_size_um) == (1, 0.325)
        expected = read_image(tmp_path / "a.ome.tif", channel=1, z=z)
        np.testing.assert_array_equal(image[5:60, 7:85], expected.pixels[5:60, 7:85])
        assert image.whole(max_pixels=10**6).sha256 == expected.sha256
    with pytest.raises(InputError, match="--channel N"), large_image(path, z=z):
        pass


def test_units_axes_and_a_single_image_inside_are_understood(zarr, tmp_path):
    axes = [{"name": name, "type": "space", "unit": "nanometer"} for name in "yx"]
    write(zarr, tmp_path / "a.zarr" / "0", STACK[0, 0, 0],
          attributes={"ome": {"multiscales": described(650.0, axes)}})  # fmt: skip
    zarr.open_group(tmp_path / "a.zarr", mode="a", zarr_format=3)

    with large_image(tmp_path / "a.zarr") as image:
        assert image.pixel_size_um == pytest.approx(0.65)
        np.testing.assert_array_equal(image.parts.read(slice(None), slice(None)), STACK[0, 0, 0])


def test_old_folders_without_axes_and_plain_arrays_are_read(zarr, tmp_path):
    write(zarr, tmp_path / "old.zarr", STACK[:, :1, :1], version=2,
          attributes={"multiscales": [{"datasets": [{"path": "0"}]}]})  # fmt: skip
    plain = zarr.create_array(tmp_path / "plain.zarr", data=STACK[0, 0, 0], chunks=(32, 32))
    assert plain.shape == (70, 90)

    for name in ("old.zarr", "plain.zarr"):
        with large_image(tmp_path / name) as image:
            assert image.pixel_size_um is None
            whole = image.parts.read(slice(None), slice(None))
            np.testing.assert_array_equal(whole, STACK[0, 0, 0])


def test_folders_that_are_not_one_image_are_refused(zarr, tmp_path):
    plate = zarr.open_group(tmp_path / "plate.zarr", mode="w")
    for well in "AB":
        one = tmp_path / "plate.zarr" / well
        write(zarr, one, STACK, attributes={"ome": {"multiscales": described()}})
    assert len(list(plate.group_keys())) == 2
    write(zarr, tmp_path / "int.zarr", STACK.astype(np.int32),
          attributes={"ome": {"multiscales": described()}})  # fmt: skip
    (tmp_path / "empty.zarr").mkdir()

    for name, message in (
        ("plate", "found: 2 images"), ("int", "int32"), ("empty", "cannot be decoded"),
    ):  # fmt: skip
        with pytest.raises(InputError) as caught, large_image(tmp_path / f"{name}.zarr"):
            pass
        assert message in str(caught.value)


def write_filtered(zarr, path, codec):
    values = STACK[0, 0, 0]
    array = zarr.create_array(
        path, shape=values.shape, dtype=values.dtype, chunks=(32, 32),
        zarr_format=2, filters=[codec], compressors=None,
    )  # fmt: skip
    array[...] = values
    return path


def test_only_known_codecs_are_read(zarr, tmp_path):
    numcodecs = pytest.importorskip("numcodecs")
    known = write_filtered(zarr, tmp_path / "known.zarr", numcodecs.Delta("u2"))
    odd = numcodecs.FixedScaleOffset(offset=0, scale=1, dtype="u2")
    other = write_filtered(zarr, tmp_path / "other.zarr", odd)

    with large_image(known) as image:
        np.testing.assert_array_equal(
            image.parts.read(slice(0, 9), slice(0, 9)), STACK[0, 0, 0, :9, :9]
        )
    with pytest.raises(InputError, match="compressed in a way") as caught, large_image(other):
        pass
    assert caught.value.found == "fixedscaleoffset"


@pytest.mark.parametrize("place", [{"filters": [{"id": "pickle", "protocol": 5}]},
                                   {"compressor": {"id": "pickle", "protocol": 5}}])  # fmt: skip
def test_nothing_is_ever_unpickled(zarr, tmp_path, place):
    numcodecs = pytest.importorskip("numcodecs")
    path = write_filtered(zarr, tmp_path / "a.zarr", numcodecs.Delta("u2"))
    metadata = path / ".zarray"
    metadata.write_text(json.dumps(json.loads(metadata.read_text()) | place))

    with pytest.raises(InputError, match="pickle"), large_image(path):
        pass


def test_chunks_that_do_not_fit_in_memory_are_refused(zarr, tmp_path, monkeypatch):
    monkeypatch.setattr("adaptoscope.imageio.zarr_files.LARGEST_BLOCK", 1000)
    path = write(zarr, tmp_path / "a.zarr", STACK,
                 attributes={"ome": {"multiscales": described()}})  # fmt: skip

    with pytest.raises(InputError, match="chunks") as caught, large_image(path):
        pass

    assert "512 x 512" in caught.value.remedy


def test_shards_are_read_by_their_chunks(zarr, tmp_path):
    path = write(zarr, tmp_path / "a.zarr", STACK, shards=(1, 1, 1, 64, 80),
                 attributes={"ome": {"multiscales": described()}})  # fmt: skip

    with large_image(path, channel=0, z=0) as image:
        assert image.parts.block == (32, 40)
        np.testing.assert_array_equal(
            image.parts.read(slice(3, 69), slice(None)), STACK[0, 0, 0, 3:69]
        )


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(
    ("scale", "unit", "expected", "said"),
    [
        ((5e-7, 5e-7), "meter", 0.5, ""),
        ((5e-7, 5e-7), "metre", 0.5, ""),
        ((5000, 5000), "angstrom", 0.5, ""),
        ((0.325, 0.65), "micrometer", (0.325 * 0.65) ** 0.5, "0.325 x 0.65 um"),
        ((0.5, 0.5), "furlong", None, "'furlong'"),
        ((0.5, 0.5), None, None, "(none)"),
        ((1.0, 1.0), None, None, ""),
        ((1.0, 1.0), "micrometer", None, "without a calibration"),
    ],
)
def test_pixel_sizes(zarr, tmp_path, version, scale, unit, expected, said):
    axes = [{"name": name, "type": "space"} | ({"unit": unit} if unit else {}) for name in "yx"]
    steps = [{"type": "scale", "scale": list(scale)}]
    said_of = [{"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": steps}]}]
    attributes = {"multiscales": said_of} if version == 2 else {"ome": {"multiscales": said_of}}
    path = write(zarr, tmp_path / "a.zarr", STACK[0, 0, 0], version=version, attributes=attributes)
    with large_image(path) as image:
        assert image.pixel_size_um == (None if expected is None else pytest.approx(expected))
        assert said in image.pixel_size_remark
        assert bool(said) == bool(image.pixel_size_remark)
        whole = image.whole(max_pixels=10**6)
    assert (whole.pixel_size_um, whole.pixel_size_remark) == (
        image.pixel_size_um,
        image.pixel_size_remark,
    )


@pytest.mark.parametrize("version", [2, 3])
def test_plates_and_wells_are_named(zarr, tmp_path, version):
    path = tmp_path / "plate.zarr"
    plate = zarr.open_group(path, mode="w", zarr_format=version)
    well = plate.create_group("B/03")
    write(zarr, path / "B" / "03" / "0", STACK[0, 0, 0], version=version,
          attributes={"multiscales": described(0.5, AXES[3:])})  # fmt: skip
    for group, said in (
        (plate, {"plate": {"wells": [{"path": "B/03"}]}}),
        (well, {"well": {"images": [{"path": "0"}]}}),
    ):
        group.attrs.update(said if version == 2 else {"ome": said})
    for place, kind in ((path, "is a plate"), (path / "B" / "03", "is a well of a plate")):
        with pytest.raises(InputError, match=kind) as caught:
            stored_parts(place)
        assert str(path / "B" / "03" / "0") in caught.value.remedy
    with large_image(path / "B" / "03" / "0") as image:
        assert image.shape == (70, 90)


def test_chunks_of_no_length_are_refused(zarr, tmp_path):
    path = write(zarr, tmp_path / "a.zarr", STACK[0, 0, 0], version=2,
                 attributes={"multiscales": described(0.5, AXES[3:])})  # fmt: skip
    text = (path / "0" / ".zarray").read_text().replace("32", "0")
    (path / "0" / ".zarray").write_text(text)
    with pytest.raises(InputError, match=r"a\.zarr"), large_image(path) as image:
        image.parts.read(slice(0, 9), slice(0, 9))


def test_whole_numbers_stored_as_floating_point_are_read(zarr, tmp_path):
    values = STACK[0, 0, 0].astype(np.float32)
    path = write(zarr, tmp_path / "a.zarr", values,
                 attributes={"multiscales": described(0.5, AXES[3:])})  # fmt: skip
    with large_image(path) as image:
        np.testing.assert_array_equal(image.whole(max_pixels=10**6).stored, STACK[0, 0, 0])
        # Of a part nobody can tell whether 0 and 1 are counts or the ends of the scale.
        with pytest.raises(InputError, match="known scale"):
            image[0:9, 0:9]
