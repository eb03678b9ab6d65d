"""A data set for release as a person makes it, on a tiny backbone and simulated images."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from tests.integration.test_pipeline import ELSEWHERE, SIDE, TINY, nothing_is_computed

from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.errors import InputError
from adaptoscope.pipeline.release.settings import ReleaseSettings
from adaptoscope.pipeline.run import run
from adaptoscope.style_transfer.compact.network import CompactBackbone
from adaptoscope.style_transfer.style_file import load_style
from adaptoscope.training.settings import settings_from

ALL_PASS = {
    "minimum_relative_f1": 0,
    "maximum_invented": 1000,
    "maximum_lost": 1000,
    "minimum_contrast": 0,
    "maximum_artefacts": 1000,
    "maximum_background": 1000,
    "maximum_uneven_noise": 1000,
    "maximum_uneven_level": 1000,
    "minimum_found_nearby": 0,
    "minimum_drawing_f1": 0,
}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> ReleaseSettings:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("weights") / "backbone"
    CompactBackbone(TINY).save(folder)
    canvas = {"height": SIDE, "width": SIDE}
    return settings_from(
        {
            "kind": "release",
            "name": "tiny",
            "title": "Tiny nuclei",
            "real": {
                "kind": "simulated",
                "images": 8,
                "fractions": {"train": 0.5, "val": 0.25, "test": 0.25},
                "simulation": {**canvas, "cell_diameter_px": 12.0, "cells_per_mpx": 2500.0},
            },
            "images": 5,
            "drawings": canvas,
            "style": {"backbone": str(folder), "limit": None},
            "stylisation": {"strength": 0.1, "batch": 2},
            "screening": ALL_PASS,
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
    assert head["configs"][0]["data_files"][0]["path"] == ["metadata.csv", "images/*.png"]
    for said in ("Synthetic:", "Live and dead cells", "Intended use", "5 of 5 passed"):
        assert said in card
    style = load_style(finished / "medium" / "style.safetensors")
    for image in style.facts.images:
        assert image.sha256 in card


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
    def contents() -> dict[str, bytes]:
        files = (path for path in finished.rglob("*") if path.is_file())
        return {str(p): p.read_bytes() for p in files if p.name not in ELSEWHERE}

    before = contents()
    for name in ("stylise_set", "learn_style", "screen_set"):
        monkeypatch.setattr(f"adaptoscope.pipeline.style_steps.{name}", nothing_is_computed)
    run(settings, finished, device="cpu")
    assert contents() == before


def test_nothing_is_packed_where_nothing_passes(settings: ReleaseSettings, tmp_path: Path) -> None:
    strict = settings.changed(screening={**ALL_PASS, "minimum_contrast": 1e9}, images=3)
    with pytest.raises(InputError, match="No image passed"):
        run(strict, tmp_path / "run", device="cpu")
    assert not (tmp_path / "run" / "dataset").exists()
