"""The page on extending, run as it stands: each part works in the commands that use it."""

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adaptoscope as ad
from adaptoscope.adaptation.methods import METHODS
from adaptoscope.adaptation.shifts.shift_set import write_shifted
from adaptoscope.adaptation.shifts.table import SHIFTS
from adaptoscope.counting.heads.table import KINDS
from adaptoscope.imageio import readers
from adaptoscope.pipeline.rows import Row
from adaptoscope.style_transfer.backbones.table import BACKBONES
from adaptoscope.training.settings import settings_from

PAGE = (Path(__file__).parents[2] / "docs" / "extend.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def _tables_as_they_were() -> Iterator[None]:
    """Take out of the tables what a test has added."""
    tables: list[list[Any]] = [KINDS, readers.READERS, BACKBONES, SHIFTS]
    before, methods = [list(table) for table in tables], dict(METHODS)
    yield
    METHODS.clear()
    METHODS.update(methods)
    for table, entries in zip(tables, before, strict=True):
        table[:] = entries


def example(title: str) -> str:
    """Return the code of a section."""
    section = PAGE.split(f"## {title}")[1].split("\n## ")[0]
    return "\n".join(re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL))


def test_a_counter_head_is_its_own_file_and_a_line(
    tmp_path: Path,
) -> None:
    exec(example("A counter head"), {"__name__": "example"})
    field = {"height": 128, "width": 128, "cell_diameter_px": 12, "cells_per_mpx": 800}
    images = tmp_path / "images"
    ad.simulate(images, count=4, settings=field, train=0.5, val=0.25, test=0.25)
    quick = {"steps": 3, "batch": 2, "crop": 64}
    trained = ad.train_counter(tmp_path / "model", real=images, head="two_layers", settings=quick)
    found = ad.evaluate_counter(trained, images, split="test")
    assert np.isfinite(found.as_dict()["mae"])
    counted = ad.count_folder(images, model=tmp_path / "model", points=tmp_path / "points")
    assert [row.error for row in counted.rows] == [""] * 4
    row = settings_from({"name": "Two", "method": "two_layers"}, Row)
    assert row.learns


def test_a_method_of_adaptation_is_its_own_file_and_a_line(tmp_path: Path) -> None:
    exec(example("A method of adaptation"), {"__name__": "example"})
    small = {"height": 256, "width": 256}
    ad.simulate_pairs(tmp_path / "pairs", count=3, settings=small, train=0.7, val=0.3)
    other = ad.simulate_pairs(
        tmp_path / "other", count=2, settings=small, modality="defocused", seed=5
    )
    quick = {"width": 8, "steps": 2, "batch": 1}
    stain = ad.train_stain(tmp_path / "a", tmp_path / "pairs", stain=["dapi"], settings=quick)
    adapted = ad.adapt_stain(
        stain, tmp_path / "pairs", tmp_path / "other", tmp_path / "b", method="percentiles"
    )
    predicted = ad.predict_stain(adapted, other.read_given(other.records[0]).stored)
    assert predicted["dapi"].shape == (256, 256)


def test_a_shift_is_its_own_file_and_a_line(tmp_path: Path) -> None:
    made: dict[str, Any] = {"__name__": "example"}
    exec(example("A shift of images"), made)
    pairs = ad.simulate_pairs(tmp_path / "pairs", count=1, settings={"height": 256, "width": 256})
    settings = made["StripesSettings"](stripes=4, scale=1.5)
    found = write_shifted(pairs, tmp_path / "shifted", settings).pairs
    plain = write_shifted(pairs, tmp_path / "plain", settings.changed(stripes=None)).pairs
    striped, without = (each.read(next(iter(each))).given.pixels for each in (found, plain))
    np.testing.assert_allclose(striped[::4], 0.8 * without[::4], atol=1e-4)
    np.testing.assert_array_equal(striped[1::4], without[1::4])
    assert "stripes every 4 rows" in (found.records[0].modality or "")


def test_a_reader_is_its_own_file_and_a_line(
    tmp_path: Path,
) -> None:
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


def test_a_backbone_is_its_own_file_and_a_line(tmp_path: Path) -> None:
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
