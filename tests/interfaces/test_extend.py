"""The page on extending, run as it stands: each part works in the commands that use it."""

import re
import struct
from pathlib import Path

import numpy as np
import pytest

import adaptoscope as ad
from adaptoscope.imageio import readers
from adaptoscope.style_transfer.backbones import table

PAGE = (Path(__file__).parents[2] / "docs" / "extend.md").read_text(encoding="utf-8")


def example(title: str) -> str:
    """Return the code of a section."""
    section = PAGE.split(f"## {title}")[1].split("\n## ")[0]
    return "\n".join(re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL))


def test_a_reader_is_its_own_file_and_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "READERS", list(readers.READERS))
    exec(example("A reader of another kind of image"), {"__name__": "example"})
    made = ad.simulate(tmp_path / "made", count=1, settings={"height": 128, "width": 160})
    stored = made.read(made.records[0]).stored.astype("<u2")
    images = tmp_path / "images"
    images.mkdir()
    content = b"RAW1" + struct.pack("<II", *stored.shape) + stored.tobytes()
    (images / "a.raw1").write_bytes(content)
    image = ad.read_image(images / "a.raw1")
    assert np.array_equal(image.stored, stored)
    assert image.pixel_size_um == 0.5
    counted = ad.count_folder(images, model="dog", out=tmp_path / "counts.csv")
    (row,) = counted.rows
    assert (row.image, row.error, row.pixel_size_um) == ("a.raw1", "", 0.5)
    assert row.count is not None


def test_a_backbone_is_its_own_file_and_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "BACKBONES", list(table.BACKBONES))
    exec(example("A backbone of style transfer"), {"__name__": "example"})
    size = {"height": 128, "width": 128}
    ad.simulate(tmp_path / "real", count=1, settings=size)
    (drawing,) = ad.synthesise(tmp_path / "drawings", count=1, settings=size)
    style = tmp_path / "look.safetensors"
    ad.learn_style(style, tmp_path / "real", backbone="means")
    made = ad.stylise(tmp_path / "drawings", tmp_path / "made", style, backbone="means", steps=2)
    (record,) = made.records
    assert (record.backbone, record.layout) == ("means", drawing.name)
    assert made.read(record).pixels.std() > 0
