import os

import numpy as np
import pytest
import tifffile

from adaptoscope.imageio.files import read_image, write_image
from adaptoscope.imageio.large_images import large_image

PIXELS = np.arange(40 * 50, dtype=np.uint16).reshape(40, 50)


def told(path):
    """Return what is told of a file, the same whether it is read whole or in parts."""
    image = read_image(path)
    with large_image(path) as parts:
        assert (parts.pixel_size_um, parts.pixel_size_remark) == (
            image.pixel_size_um,
            image.pixel_size_remark,
        )
    return image.pixel_size_um, image.pixel_size_remark


def ome(path, *edges, **more):
    metadata = {"axes": "YX"}
    for axis, (size, unit) in zip("YX", edges, strict=False):
        metadata |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": unit}
    tifffile.imwrite(path, PIXELS, ome=True, metadata=metadata, **more)
    return path


def imagej(path, height, width, unit, **more):
    metadata = {"unit": unit, "axes": "YX", **more}
    tifffile.imwrite(
        path, PIXELS, imagej=True, resolution=(1 / width, 1 / height), metadata=metadata
    )
    return path


@pytest.mark.parametrize(
    ("size", "unit"),
    [(3.25e-7, "m"), (3.25e-5, "cm"), (3.25e-4, "mm"), (0.325, "µm"), (325, "nm"),
     (3250, "Å"), (325_000, "pm"), (0.325 / 25_400, "in")],
)  # fmt: skip
def test_units_of_ome(tmp_path, size, unit):
    assert told(ome(tmp_path / "a.ome.tif", (size, unit), (size, unit))) == (0.325, "")


@pytest.mark.parametrize(
    ("size", "unit"),
    [(0.325, "um"), (0.325, "\\u00B5m"), (325, "nm"), (3.25e-5, "cm"), (3.25e-4, "mm"),
     (0.325 / 25_400, "inch"), (3250, "Angstrom"), (3.25e-7, "m")],
)  # fmt: skip
def test_units_of_imagej(tmp_path, size, unit):
    um, remark = told(imagej(tmp_path / "a.tif", size, size, unit))
    assert um == pytest.approx(0.325, rel=1e-3)
    assert remark == ""


@pytest.mark.parametrize("unit", ["furlong", "kly"])
def test_unknown_units_are_said(tmp_path, unit):
    for path in (
        imagej(tmp_path / "a.tif", 0.325, 0.325, unit),
        ome(tmp_path / "a.ome.tif", (0.325, unit), (0.325, unit)),
    ):
        um, remark = told(path)
        assert um is None
        assert repr(unit) in remark


@pytest.mark.parametrize("kind", ["imagej", "ome"])
def test_pixels_that_are_not_square(tmp_path, kind):
    if kind == "ome":
        path = ome(tmp_path / "a.ome.tif", (0.325, "µm"), (0.65, "µm"))
    else:
        path = imagej(tmp_path / "a.tif", 0.325, 0.65, "um")
    um, remark = told(path)
    assert um**2 == pytest.approx(0.325 * 0.65, rel=1e-4)
    assert remark == "pixels are not square: 0.325 x 0.65 um (height x width)"


def test_one_edge_alone_is_that_of_square_pixels(tmp_path):
    metadata = {"axes": "YX", "PhysicalSizeX": 0.325, "PhysicalSizeXUnit": "µm"}
    tifffile.imwrite(tmp_path / "a.ome.tif", PIXELS, ome=True, metadata=metadata)
    assert told(tmp_path / "a.ome.tif") == (0.325, "")


@pytest.mark.parametrize("dpi", [72, 96, 300])
@pytest.mark.parametrize("is_imagej", [True, False])
def test_printers_resolutions(tmp_path, dpi, is_imagej):
    # ImageJ takes the printer's inch over when it saves the file again.
    if is_imagej:
        imagej(tmp_path / "a.tif", 1 / dpi, 1 / dpi, "inch")
    else:
        tifffile.imwrite(tmp_path / "a.tif", PIXELS, resolution=(dpi, dpi), resolutionunit="inch")
    assert told(tmp_path / "a.tif") == (None, "")


def test_defaults_of_writers_are_not_used(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, resolution=(1, 1), resolutionunit="inch")
    assert told(tmp_path / "a.tif") == (None, "")
    tifffile.imwrite(tmp_path / "b.tif", PIXELS, imagej=True, resolution=(1, 1))
    assert told(tmp_path / "b.tif") == (None, "")
    for path in (
        imagej(tmp_path / "c.tif", 1, 1, "um"),
        ome(tmp_path / "d.ome.tif", (1.0, "µm"), (1.0, "µm")),
    ):
        um, remark = told(path)
        assert um is None
        assert "without a calibration" in remark


@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif", "a.png"])
@pytest.mark.parametrize("size", [0.325, 1.0, 6.45])
def test_our_own_files_keep_what_they_were_given(tmp_path, name, size):
    write_image(tmp_path / name, PIXELS / 65535, bit_depth=16, pixel_size_um=size)
    assert read_image(tmp_path / name).pixel_size_um == pytest.approx(size, rel=1e-5)


def camera_file(path, um=6.45):
    resolution = (1e4 / um, 1e4 / um)
    tifffile.imwrite(path, PIXELS, resolution=resolution, resolutionunit="centimeter")
    return path


def test_a_cameras_pixel_alone_is_not_used(tmp_path):
    um, remark = told(camera_file(tmp_path / "a.tif"))
    assert um is None
    assert "6.45 um" in remark
    assert told(camera_file(tmp_path / "b.tif", 0.65)) == (0.65, "")


def test_a_tag_beside_ome_that_differs_is_said(tmp_path):
    edges = ((0.65, "µm"), (0.65, "µm"))
    options = {"resolutionunit": "centimeter"}
    same = ome(tmp_path / "a.ome.tif", *edges, resolution=(1e4 / 0.65, 1e4 / 0.65), **options)
    assert told(same) == (0.65, "")
    other = ome(tmp_path / "b.ome.tif", *edges, resolution=(1e4 / 6.5, 1e4 / 6.5), **options)
    um, remark = told(other)
    assert um == 0.65
    assert "says 6.5 um" in remark


HARMONY = """<?xml version="1.0" encoding="utf-8"?>
<EvaluationInputData xmlns="http://www.perkinelmer.com/PEHH/HarmonyV5"><Maps><Map>{entry}</Map></Maps>
<Wells><Well><Image id="1" /></Well></Wells>
<Images><Image Version="1"><URL>{url}</URL><ChannelID>1</ChannelID>{image}</Image></Images>
</EvaluationInputData>"""
EDGES = (
    '<ImageResolutionX Unit="{unit}">{x}</ImageResolutionX>'
    '<ImageResolutionY Unit="{unit}">{y}</ImageResolutionY>'
)


@pytest.mark.parametrize("name", ["Index.idx.xml", "Index.xml"])
@pytest.mark.parametrize("is_late", [True, False])
@pytest.mark.parametrize("folder", ["", "Images/"])
def test_a_plate_readers_index_comes_before_the_tag(tmp_path, name, is_late, folder):
    path = camera_file(tmp_path / "r01c01f01p01-ch1sk1fk1fl1.tiff")
    edges = EDGES.format(unit="m", x="1.195E-06", y="1.195E-06")
    entry = f'<Entry ChannelID="1">{edges if is_late else ""}</Entry>'
    text = HARMONY.format(entry=entry, url=folder + path.name, image="" if is_late else edges)
    (tmp_path / name).write_text("﻿" + text, encoding="utf-8")
    um, remark = told(path)
    assert um == 1.195
    assert name in remark
    assert "6.45 um" in remark
    other = camera_file(tmp_path / "other.tiff")
    assert told(other)[0] is None


def test_an_index_is_read_anew_when_it_changes(tmp_path):
    path = camera_file(tmp_path / "a.tiff")
    for number, size in enumerate(("0.5", "0.75")):
        edges = EDGES.format(unit="um", x=size, y=size)
        text = HARMONY.format(entry="", url="a.tiff", image=edges)
        (tmp_path / "Index.idx.xml").write_text(text)
        os.utime(tmp_path / "Index.idx.xml", ns=(number, number))
        assert told(path)[0] == float(size)


@pytest.mark.parametrize("text", ["", "<a>", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'])
def test_a_broken_index_is_no_index(tmp_path, text):
    (tmp_path / "Index.idx.xml").write_text(text)
    assert told(camera_file(tmp_path / "a.tiff", 0.65)) == (0.65, "")


def metaseries(path, **told_by):
    props = "".join(
        f'<prop id="spatial-calibration-{name}" type="x" value="{value}"/>'
        for name, value in told_by.items()
    )
    text = f"<MetaData><PlaneInfo>{props}</PlaneInfo></MetaData>"
    tifffile.imwrite(
        path, PIXELS, description=text, software="MetaSeries", metadata=None, resolution=(1, 1),
        resolutionunit="inch",
    )  # fmt: skip
    return path


def test_metaseries_calibrates_itself(tmp_path):
    path = metaseries(tmp_path / "a.tif", state="on", x=1.3668, y=1.3668, units="um")
    assert told(path) == (1.3668, "")
    path = metaseries(tmp_path / "b.tif", state="on", x=650, y=325, units="nm")
    um, remark = told(path)
    assert um**2 == pytest.approx(0.65 * 0.325, rel=1e-4)
    assert "not square" in remark


@pytest.mark.parametrize(
    "said",
    [{"state": "off", "x": 1.3, "y": 1.3, "units": "um"}, {"x": 1, "y": 1, "units": "pixel"},
     {"x": "", "y": "", "units": "um"}, {}],
)  # fmt: skip
def test_metaseries_without_calibration(tmp_path, said):
    assert told(metaseries(tmp_path / "a.tif", **said)) == (None, "")
