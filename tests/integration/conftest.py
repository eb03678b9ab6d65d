"""Tiny experiments: simulated images, and a random backbone of the real classes."""

from pathlib import Path

import pytest
import torch

from adaptoscope.style_transfer.backbones.compact.network import CompactBackbone
from tests.unit.style_transfer.conftest import SIDE, TINY

CANVAS = {"height": SIDE, "width": SIDE}
ELSEWHERE = {"environment.json", "timings.csv"}


def nothing_is_computed(*arguments: object, **settings: object) -> None:
    """Stand in for a step of a finished run."""
    raise AssertionError("a finished step was done again")


def contents_of(folder: Path) -> dict[str, bytes]:
    """All files of a run but those that hold times and facts of the machine."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name not in ELSEWHERE
    }


@pytest.fixture(scope="session")
def tiny_experiment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What tiny experiments of every kind share: name, real images, style, stylisation."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("weights") / "backbone"
    CompactBackbone(TINY).save(folder)
    return {
        "name": "tiny",
        "title": "A tiny experiment",
        "real": {
            "kind": "simulated",
            "images": 8,
            "fractions": {"train": 0.5, "val": 0.25, "test": 0.25},
            "simulation": {**CANVAS, "cell_diameter_px": 12.0, "cells_per_mpx": 2500.0},
        },
        "style": {"backbone": str(folder), "limit": None},
        "stylisation": {"strength": 0.1, "batch": 2},
    }


@pytest.fixture(scope="session")
def all_pass() -> dict[str, float]:
    """Limits of the screen that no image exceeds."""
    return {
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
