"""A data set for release as a person makes it, on a tiny backbone and simulated images."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.errors import InputError
from adaptoscope.pipeline.run import run
from adaptoscope.style_transfer.style_file import load_style
from adaptoscope.training.settings import settings_from
from experiments.release.settings import ReleaseSettings
from tests.integration.conftest import CANVAS, contents_of, nothing_is_computed


@pytest.fixture(scope="module")
def settings(tiny_experiment: dict[str, object], all_pass: dict[str, float]) -> ReleaseSettings:
    return settings_from(
        {
            "kind": "release",
            **tiny_experiment,
            "images": 5,
            "drawings": CANVAS,
            "screening": all_pass,
            "density": {"measure": "cells_per_mpx", "limits": [2500.0, 1e7]},
        },
        ReleaseSettings,
    )


@pytest.fixture(scope="module")
def finished(settings: ReleaseSettings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "release"
    run(settings, out, device="cpu")
    return out


def test_the_data_set_reads_as_a_counted_image_folder(finished: Path) -> None:
    images = open_counted_images(finished / "dataset")
    assert len(images) == 5
    for record in images:
        assert record.density_class == record.name.partition("_")[0]
        assert record.synthetic
        assert record.count == len(images.points(record))
        assert images.mask(record) is not None


def test_every_file_has_its_checksum(finished: Path) -> None:
    folder = finished / "dataset"
    lines = (folder / "SHA256SUMS").read_text("utf-8").splitlines()
    listed = dict(reversed(line.split("  ")) for line in lines)
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert set(listed) == files - {"SHA256SUMS"}
    for name, digest in listed.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_the_card_says_synthetic_how_and_from_what(finished: Path) -> None:
    card = (finished / "dataset" / "README.md").read_text("utf-8")
    head = yaml.safe_load(card.split("---")[1])
    assert head["configs"][0]["data_files"][0]["path"][0] == "metadata.jsonl"
    for said in ("Synthetic:", "Live and dead cells", "Intended use", "5 of 5 passed (100 %)"):
        assert said in card
    assert "All of the training split; hashes" in card
    style = load_style(finished / "medium" / "style.safetensors")
    for image in style.facts.images:
        assert image.sha256 in card


LOADER = """
import json, sys
from datasets import load_dataset
(split,) = load_dataset(sys.argv[1], cache_dir=sys.argv[2]).values()
rows = [
    {
        "stem": row["mask"].filename.rpartition("/")[2],
        "image": list(row["image"].size),
        "cells": sorted(set(row["mask"].getdata()) - {0}),
        "points": row["points"],
        "count": row["count"],
    }
    for row in split
]
print(json.dumps({"split": str(split.split), "rows": rows}))
"""


def test_hugging_face_loads_images_masks_and_centres_without_a_network(
    finished: Path, tmp_path: Path
) -> None:
    pytest.importorskip("datasets", reason="`datasets` of Hugging Face is not installed")
    command = [sys.executable, "-c", LOADER, str(finished / "dataset"), str(tmp_path / "cache")]
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    printed = subprocess.run(
        command, capture_output=True, text=True, check=True, env=os.environ | offline, timeout=300
    )
    found = json.loads(printed.stdout)
    assert found["split"] == "train"
    images = open_counted_images(finished / "dataset")
    assert len(found["rows"]) == len(images) == 5
    for row, record in zip(found["rows"], images, strict=True):
        assert row["count"] == record.count
        assert row["stem"] == record.name
        assert row["image"] == [record.width, record.height]
        np.testing.assert_allclose(row["points"], images.points(record)[:, ::-1])
        mask = images.mask(record)
        assert mask is not None
        assert row["cells"] == np.unique(mask[mask > 0]).tolist()


def test_rows_for_hugging_face_are_those_of_the_table(finished: Path) -> None:
    images = open_counted_images(finished / "dataset")
    text = (finished / "dataset" / "metadata.jsonl").read_text("utf-8")
    rows = [json.loads(line) for line in text.splitlines()]
    assert len({tuple(row) for row in rows}) == 1
    for row, record in zip(rows, images, strict=True):
        assert row["file_name"] == record.file_name
        assert (finished / "dataset" / row["mask_file_name"]).is_file()
        assert isinstance(row["cells_per_mpx"], float)
        for name, value in row.items():
            if name not in ("mask_file_name", "points"):
                assert value == getattr(record, name)


def test_the_results_give_the_yield(finished: Path) -> None:
    found = json.loads((finished / "results.json").read_text("utf-8"))
    assert (found["n"], found["kept"], found["yield"]) == (5, 5, 1.0)
    assert sum(part["n"] for part in found["classes"].values()) == 5


def test_a_folder_without_splits_is_not_called_a_training_split(
    settings: ReleaseSettings, finished: Path, tmp_path: Path
) -> None:
    real = open_counted_images(finished / "real")
    mine = tmp_path / "mine"
    mine.mkdir()
    for record in real.images_of("train"):
        shutil.copy(real.path(record), mine)
    style = settings.style.changed(images=str(mine))
    run(settings.changed(style=style.model_dump()), tmp_path / "run", device="cpu")
    card = (tmp_path / "run" / "dataset" / "README.md").read_text("utf-8")
    assert "training split;" not in card
    assert "All images of a folder; hashes" in card


def test_classes_share_no_noise(finished: Path) -> None:
    images = open_counted_images(finished / "dataset")
    assert {record.density_class for record in images} == {"low", "medium"}
    low, medium = (open_counted_images(finished / name / "drawings") for name in ("low", "medium"))
    first, second = low.points(low.records[0]), medium.points(medium.records[0])
    shared = min(len(first), len(second))
    assert not np.allclose(first[:shared], second[:shared])


def test_no_place_of_the_machine_is_published(settings: ReleaseSettings, finished: Path) -> None:
    place = str(Path(settings.style.backbone).parent)
    for path in (finished / "dataset").rglob("*"):
        if path.suffix in (".yaml", ".json", ".md", ".csv"):
            assert place not in path.read_text("utf-8")


def test_a_second_call_computes_and_changes_nothing(
    settings: ReleaseSettings, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents_of(finished)
    for name in ("stylise_set", "learn_style", "screen_set"):
        monkeypatch.setattr(f"adaptoscope.pipeline.style_steps.{name}", nothing_is_computed)
    run(settings, finished, device="cpu")
    assert contents_of(finished) == before


def test_nothing_is_packed_where_nothing_passes(settings: ReleaseSettings, tmp_path: Path) -> None:
    screening = settings.screening.changed(minimum_contrast=1e9)
    strict = settings.changed(screening=screening.model_dump(), images=3)
    with pytest.raises(InputError, match="No image passed"):
        run(strict, tmp_path / "run", device="cpu")
    assert not (tmp_path / "run" / "dataset").exists()
