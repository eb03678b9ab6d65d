"""The figures of paper 1 as a person makes them, on a tiny backbone and simulated images."""

import itertools
import json
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from adaptoscope.errors import SettingsError
from adaptoscope.pipeline.run import run
from adaptoscope.synthesis.settings import SynthesisSettings
from adaptoscope.training.settings import settings_from
from experiments.paper_figures import growing
from experiments.paper_figures.growing import growing_drawings
from experiments.paper_figures.settings import PaperFigureSettings
from tests.integration.conftest import CANVAS, contents_of, nothing_is_computed


@pytest.fixture(scope="module")
def settings(tiny_experiment: dict[str, object]) -> PaperFigureSettings:
    return settings_from(
        {
            "kind": "paper_figures",
            **tiny_experiment,
            "density": {"measure": "cells_per_mpx", "limits": [1.0, 1e7]},
            "drawings": CANVAS,
            "pairs": 2,
            "first_cells": 2,
            "steps": 3,
            "failing": [{"inversion": "none"}],
            "attempts": 2,
            "table_images": 3,
        },
        PaperFigureSettings,
    )


@pytest.fixture(scope="module")
def finished(settings: PaperFigureSettings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "figures"
    run(settings, out, device="cpu")
    return out


def test_figures_and_tables_are_there(finished: Path) -> None:
    for name in ("figure_2", "figure_3"):
        picture = imagecodecs.png_decode((finished / f"{name}.png").read_bytes())
        assert min(picture.shape[:2]) > 200
    found = json.loads((finished / "results.json").read_text("utf-8"))
    assert [row[1] for row in found["figure_3"]["rows"]] == ["2", "3", "4"]
    assert [row[:2] for row in found["figure_4"]["rows"]] == [
        ["as for the other figures", "2"],
        ["inversion: none", "2"],
    ]
    assert [row[1] for row in found["table_1"]["rows"]] == ["8", "3"]
    assert "Figure 3" in (finished / "report.html").read_text("utf-8")


def test_a_second_call_computes_and_changes_nothing(
    settings: PaperFigureSettings, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents_of(finished)
    for name in ("stylise_set", "learn_style", "screen_set"):
        monkeypatch.setattr(f"adaptoscope.pipeline.style_steps.{name}", nothing_is_computed)
    monkeypatch.setattr(growing, "stylise_batch", nothing_is_computed)
    run(settings, finished, device="cpu")
    assert contents_of(finished) == before


def test_each_drawing_has_one_cell_more_and_keeps_the_others() -> None:
    drawn = growing_drawings(SynthesisSettings(), 4, 5, seed=0)
    assert [image.count for image in drawn] == [4, 5, 6, 7, 8]
    for before, after in itertools.pairwise(drawn):
        np.testing.assert_array_equal(after.points[:-1], before.points)
        old = after.mask != after.count
        np.testing.assert_array_equal(after.stored[old], before.stored[old])


def test_cells_without_room_are_refused() -> None:
    small = SynthesisSettings(height=32, width=32)
    with pytest.raises(SettingsError, match="find room"):
        growing_drawings(small, 20, 20, seed=0)


def test_unknown_failing_changes_are_refused(settings: PaperFigureSettings) -> None:
    with pytest.raises(SettingsError, match="colour") as caught:
        settings.changed(failing=[{"colour": "red"}])
    assert "pydantic" not in str(caught.value)
