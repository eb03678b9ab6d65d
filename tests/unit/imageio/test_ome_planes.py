import shutil
from itertools import product

import numpy as np
import pytest
import tifffile

from adaptoscope.errors import InputError
from adaptoscope.imageio.files import read_header, read_image
from adaptoscope.imageio.large_images import large_image

PLANES = np.random.default_rng(0).integers(0, 999, (3, 2, 20, 30)).astype(np.uint16)
"""Three files of two planes each."""


def uuid(number):
    return f"urn:uuid:00000000-0000-0000-0000-00000000000{number}"


def block(file, page, *, named=True, **first):
    where = "".join(f' First{axis}="{number}"' for axis, number in first.items())
    child = f'<UUID FileName="{file[0]}">{uuid(file[1])}</UUID>' if named else ""
    return f'<TiffData IFD="{page}" PlaneCount="1"{where}>{child}</TiffData>'


def pixels(blocks, number=0, *, channels=1, depth=1, times=1, order="XYCZT", size=0.5):
    return (
        f'<Image ID="Image:{number}"><Pixels ID="Pixels:{number}" DimensionOrder="{order}" '
        f'SizeX="30" SizeY="20" SizeC="{channels}" SizeZ="{depth}" SizeT="{times}" Type="uint16" '
        f'PhysicalSizeX="{size}" PhysicalSizeY="{size}">'
        + "".join(
            f'<Channel ID="C:{number}:{c}" SamplesPerPixel="1"/>' for c in range(min(channels, 4))
        )
        + "".join(blocks)
        + "</Pixels></Image>"
    )


def write(path, planes, images, own=None, **options):
    root = "" if own is None else f' UUID="{uuid(own)}"'
    space = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
    text = f'<?xml version="1.0"?><OME xmlns="{space}"{root}>{"".join(images)}</OME>'
    with tifffile.TiffWriter(path) as writer:
        for number, plane in enumerate(planes):
            writer.write(
                plane, description=text if number == 0 else None, metadata=None,
                contiguous=False, photometric="minisblack", **options,
            )  # fmt: skip
    return path


def assert_holds(path, expected, **choice):
    image = read_image(path, **choice)
    np.testing.assert_array_equal(image.stored, expected)
    with large_image(path, **choice) as parts:
        if parts is not None:
            found = parts.parts.read(slice(None), slice(None))
            np.testing.assert_array_equal(found, expected)
    assert (read_header(path).height, read_header(path).width) == (20, 30)
    return image


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"tile": (16, 16)}])
def test_a_file_for_each_channel_gives_its_own(tmp_path, options):
    files = [(f"a_C{number}.ome.tif", number) for number in range(3)]
    images = [pixels([block(file, 0, C=file[1]) for file in files], channels=3)]
    for name, number in files:
        write(tmp_path / name, [PLANES[number, 0]], images, own=number, **options)
    for name, number in files:
        image = assert_holds(tmp_path / name, PLANES[number, 0])
        assert image.pixel_size_um == 0.5
        assert_holds(tmp_path / name, PLANES[number, 0], channel=0)


def test_a_file_for_each_position_gives_its_own(tmp_path):
    files = [(f"Pos{number}.ome.tif", number) for number in range(3)]
    images = [
        pixels([block(file, 0)], number, size=0.5 + number) for number, file in enumerate(files)
    ]
    for name, number in files:
        write(tmp_path / name, [PLANES[number, 0]], images, own=number)
    for name, number in files:
        image = assert_holds(tmp_path / name, PLANES[number, 0])
        assert image.pixel_size_um == 0.5 + number


@pytest.mark.parametrize("order", ["XYCZT", "XYZCT"])
def test_a_file_for_each_position_keeps_its_channels_and_planes(tmp_path, order):
    stack = np.stack([PLANES[0, 0] + number for number in range(6)]).reshape(2, 3, 20, 30)
    files = [("Pos0.ome.tif", 0), ("Pos1.ome.tif", 1)]
    places = list(product(range(2), range(3)))
    images = [
        pixels(
            [block(file, page, C=c, Z=z) for page, (c, z) in enumerate(places)],
            number, channels=2, depth=3, order=order,
        )
        for number, file in enumerate(files)
    ]  # fmt: skip
    for name, number in files:
        write(tmp_path / name, (stack + 100 * number).reshape(-1, 20, 30), images, own=number)
    for name, number in files:
        for c, z in places:
            assert_holds(tmp_path / name, stack[c, z] + 100 * number, channel=c, z=z)
        assert_holds(tmp_path / name, stack[1].max(axis=0) + 100 * number, channel=1, z="max")
        with pytest.raises(InputError, match="2 channels"):
            read_image(tmp_path / name, z=0)


def test_blocks_of_several_planes_go_on_along_the_axes(tmp_path):
    child = '<UUID FileName="{}.ome.tif">{}</UUID></TiffData>'
    own = '<TiffData IFD="0" PlaneCount="4">' + child.format("a", uuid(0))
    other = '<TiffData FirstZ="2" PlaneCount="2">' + child.format("b", uuid(1))
    images = [pixels([own, other], channels=2, depth=3)]
    planes = np.stack([PLANES[0, 0] + number for number in range(4)])
    write(tmp_path / "a.ome.tif", planes, images, own=0)
    write(tmp_path / "b.ome.tif", planes[:2] + 50, images, own=1)
    for c, z in product(range(2), range(2)):
        assert_holds(tmp_path / "a.ome.tif", planes[2 * z + c], channel=c, z=z)
        assert_holds(tmp_path / "b.ome.tif", planes[c] + 50, channel=c)


@pytest.mark.parametrize("with_others", [True, False])
@pytest.mark.parametrize("own", [True, False])
def test_renamed_files_are_read_and_not_called_damaged(tmp_path, with_others, own):
    files = [(f"a_C{number}.ome.tif", number) for number in range(2)]
    images = [pixels([block(file, 0, C=file[1]) for file in files], channels=2)]
    for name, number in files:
        write(tmp_path / name, [PLANES[number, 0]], images, own=number if own else None)
        shutil.copy(tmp_path / name, tmp_path / f"well_{number}.tif")
    if not with_others:
        for name, _ in files:
            (tmp_path / name).unlink()
    for number in range(2):
        assert_holds(tmp_path / f"well_{number}.tif", PLANES[number, 0])


def test_a_file_under_the_name_of_another_gives_its_own_planes(tmp_path):
    files = [(f"a_C{number}.ome.tif", number) for number in range(2)]
    images = [pixels([block(file, 0, C=file[1]) for file in files], channels=2)]
    write(tmp_path / "a_C0.ome.tif", [PLANES[1, 0]], images, own=1)
    assert_holds(tmp_path / "a_C0.ome.tif", PLANES[1, 0])


@pytest.mark.parametrize("text", [
    "../out/secret.ome.tif", "{folder}/out/secret.ome.tif", "secret.ome.tif", "plain.tif",
    "/dev/zero", "..\\out\\secret.ome.tif",
])  # fmt: skip
@pytest.mark.parametrize("own", [True, False])
def test_no_other_file_is_ever_read(tmp_path, text, own, monkeypatch):
    folder = tmp_path / "in"
    (tmp_path / "out").mkdir()
    folder.mkdir()
    for place in (tmp_path / "out" / "secret.ome.tif", folder / "secret.ome.tif"):
        write(place, [PLANES[2, 0]], [pixels([block(("secret.ome.tif", 2), 0)])], own=2)
    tifffile.imwrite(folder / "plain.tif", PLANES[2, 0])
    files = [("evil.ome.tif", 1), (text.format(folder=tmp_path), 2)]
    images = [pixels([block(file, 0, C=c) for c, file in enumerate(files)], channels=2)]
    path = write(folder / "evil.ome.tif", [PLANES[1, 0]], images, own=1 if own else None)
    opened = []
    usual = tifffile.TiffFile.__init__

    def note(self, file, *args, **options):
        opened.append(str(file))
        usual(self, file, *args, **options)

    monkeypatch.setattr(tifffile.TiffFile, "__init__", note)
    assert_holds(path, PLANES[1, 0])
    assert set(opened) == {str(path)}
    with pytest.raises(InputError, match="does not have the channel"):
        read_image(path, channel=1)


def test_planes_that_the_text_names_and_the_file_lacks_are_missed(tmp_path):
    file = ("a.ome.tif", 0)
    images = [pixels([block(file, page, C=page) for page in range(2)], channels=2)]
    path = write(tmp_path / "a.ome.tif", [PLANES[0, 0]], images, own=0)
    with pytest.raises(InputError, match=r"damaged|lacks some"):
        read_image(path, channel=0)


def test_planes_of_several_images_are_refused(tmp_path):
    images = [pixels([block(("a.ome.tif", 0), number)], number) for number in range(2)]
    images.append(pixels([block(("b.ome.tif", 1), 0)], 2))
    path = write(tmp_path / "a.ome.tif", PLANES[0], images, own=0)
    with pytest.raises(InputError, match="planes of 2 images"):
        read_image(path)


@pytest.mark.parametrize("text", [
    pixels([block(("a", 0), 0)], channels=10**9), pixels([block(("a", 0), 10**12)]),
    pixels([block(("a", 0), 0, C=10**9)]), pixels([block(("a", 0), 0, C=-3)]),
    pixels(['<TiffData PlaneCount="1000000000"/>'], depth=2),
])  # fmt: skip
def test_absurd_numbers_of_planes_are_refused_at_once(tmp_path, text):
    path = write(tmp_path / "a.ome.tif", [PLANES[0, 0]], [text], own=0)
    with pytest.raises(InputError, match=r"a\.ome\.tif"):
        read_image(path)


def test_metadata_in_another_file_leaves_the_planes(tmp_path):
    text = f'<BinaryOnly MetadataFile="../x.companion.ome" UUID="{uuid(3)}"/>'
    path = write(tmp_path / "a.ome.tif", [PLANES[0, 0]], [text])
    assert_holds(path, PLANES[0, 0])


def test_a_set_that_is_known_by_its_index_alone_is_named(tmp_path, monkeypatch):
    other = tifffile.imwrite(tmp_path / "b.tif", PLANES[0, 1], metadata=None)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PLANES[0, 0], metadata=None)
    with tifffile.TiffFile(tmp_path / "b.tif") as second:
        foreign = second.series
        monkeypatch.setattr(tifffile.TiffFile, "series", foreign)
        with pytest.raises(InputError, match="one of a set") as caught:
            read_image(path)
    assert other is None or other
    assert "b.tif" in caught.value.found
