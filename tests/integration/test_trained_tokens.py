"""Experiments with tokens of their own, one set for each density class, on both backbones."""

import json
from pathlib import Path

import pytest

from adaptoscope.errors import SettingsError
from adaptoscope.pipeline.report import read_results
from adaptoscope.pipeline.run import load_experiment, run
from adaptoscope.pipeline.settings import ExperimentSettings
from adaptoscope.style_transfer.style_file import StyleFacts, load_style
from adaptoscope.training.settings import settings_from
from tests.integration.conftest import CANVAS, contents_of, nothing_is_computed
from tests.unit.style_transfer.backbones.stable_diffusion.conftest import save_clip, save_model

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "experiments" / "style_transfer" / "stable_diffusion_figures.yaml"
TABLE = ROOT / "experiments" / "cell_counting" / "table2_gpu.yaml"
# Three of the four training images hold fewer cells than this, by labels and as measured, one more.
CLASSES = {"measure": "cells_per_mpx", "limits": [2400.0, 1e7]}
SHORT = {"steps": 2, "batch": 1}


def facts_of(run_folder: Path, name: str = "style") -> StyleFacts:
    return load_style(run_folder / f"{name}.safetensors").facts


def counting(tiny: dict[str, object], screening: dict[str, float]) -> dict[str, object]:
    """A counting experiment of which one row is trained on images with learnt tokens."""
    style = {**tiny["style"], "limit": 1}  # type: ignore[dict-item]
    row = {"method": "regressor", "init": "random", "synthetic": "stylised", "real_labels": False}
    return {
        **tiny,
        "style": style,
        "tokens": SHORT,
        "drawings": {"images": 4, "settings": CANVAS},
        "adain_control": False,
        "screening": screening,
        "counting": {"crop": 64, "batch": 2, "steps": 1},
        "rows": [{"name": "Stylised", **row}],
    }


@pytest.fixture(scope="module")
def by_class(
    tiny_experiment: dict[str, object],
    all_pass: dict[str, float],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[ExperimentSettings, Path]:
    values = counting(tiny_experiment, all_pass) | {"density": {**CLASSES, "source": "labels"}}
    settings = settings_from(values, ExperimentSettings)
    out = tmp_path_factory.mktemp("tokens") / "run"
    run(settings, out, device="cpu")
    return settings, out


def test_a_counter_learns_from_images_with_a_token_for_each_class(
    by_class: tuple[ExperimentSettings, Path],
) -> None:
    _, out = by_class
    facts = facts_of(out)
    assert (facts.token_mode, facts.steps) == ("direct", 2)
    assert facts.density_class == "low, medium"
    assert [image.density_class for image in facts.images].count("low") == 1
    assert len(facts.images) == 2
    assert (out / "style" / "medium" / "tokens.safetensors").exists()
    assert "direct, 2 steps, each for low, medium" in (out / "report.html").read_text("utf-8")


def test_labels_that_choose_a_style_are_counted_as_labels(
    by_class: tuple[ExperimentSettings, Path],
) -> None:
    rows = read_results(by_class[1])["rows"]
    assert isinstance(rows, list)
    assert [row["labels"] for row in rows] == [4]


def test_tokens_are_learnt_once_and_anew_when_asked(
    by_class: tuple[ExperimentSettings, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, out = by_class
    before = contents_of(out)
    with monkeypatch.context() as patch:
        name = "adaptoscope.pipeline.style_steps.learn_refined_style"
        patch.setattr(name, nothing_is_computed)
        run(settings, out, device="cpu")
        assert contents_of(out) == before
        with pytest.raises(AssertionError, match="done again"):
            run(settings, out, device="cpu", overwrite=True)
    assert not (out / "style").exists()
    run(settings, out, device="cpu")
    assert contents_of(out) == before


def test_one_set_of_tokens_may_serve_all_images(
    tiny_experiment: dict[str, object], all_pass: dict[str, float], tmp_path: Path
) -> None:
    values = counting(tiny_experiment, all_pass)
    run(settings_from(values, ExperimentSettings), tmp_path / "run", device="cpu")
    facts = facts_of(tmp_path / "run")
    assert (facts.steps, facts.density_class, len(facts.images)) == (2, "", 1)


@pytest.fixture
def shipped(
    tiny_experiment: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> dict[str, object]:
    """The shipped figures with Stable Diffusion, on simulated images and with as little work."""
    monkeypatch.chdir(ROOT)
    values = load_experiment(FIGURES).model_dump(mode="json")
    values["tokens"] |= {**SHORT, "side": 64}
    values["stylisation"] |= {"strength": 0.1, "batch": 2, "working_side": 64}
    smaller = {"drawings": CANVAS, "pairs": 1, "first_cells": 2, "steps": 2, "attempts": 2}
    return values | smaller | {"real": tiny_experiment["real"], "density": CLASSES}


def test_the_shipped_figures_are_made_with_stable_diffusion_from_the_users_folders(
    shipped: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADAPTOSCOPE_STABLE_DIFFUSION", str(save_model(tmp_path / "model")))
    monkeypatch.setenv("ADAPTOSCOPE_CLIP", str(save_clip(tmp_path / "clip")))
    out = tmp_path / "run"
    kind = type(load_experiment(FIGURES))
    run(settings_from(shipped, kind), out, device="cpu")
    whole = facts_of(out)
    assert (whole.backbone, whole.token_mode, whole.steps) == (
        "stable-diffusion",
        "encoder_mean",
        2,
    )
    for name in ("low", "medium"):
        part = facts_of(out / "figure_2" / name)
        assert (part.density_class, part.steps) == (name, 2)
        assert {image.density_class for image in part.images} == {name}
        wanted = [image for image in whole.images if image.density_class == name]
        assert list(part.images) == wanted
    found = json.loads((out / "results.json").read_text("utf-8"))
    assert [row[0] for row in found["figure_4"]["rows"]][1] == "strength: 0.9"
    assert (out / "figure_2.png").exists()
    settings = (out / "settings.yaml").read_text("utf-8")
    assert str(tmp_path) not in settings


def test_the_shipped_table_goes_from_clip_tokens_to_rows_in_the_papers_way(
    tiny_experiment: dict[str, object],
    all_pass: dict[str, float],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("ADAPTOSCOPE_STABLE_DIFFUSION", str(save_model(tmp_path / "model")))
    monkeypatch.setenv("ADAPTOSCOPE_CLIP", str(save_clip(tmp_path / "clip")))
    values = load_experiment(TABLE).model_dump(mode="json")
    rows = [row for row in values["rows"] if row["name"] in ("Real only", "InST-Syn, fine-tuned")]
    values["tokens"] |= {**SHORT, "side": 64}
    values["stylisation"] |= {"steps": 4, "working_side": 64}
    values["counting"] |= {"crop": 64, "batch": 2, "epochs": 1, "init": "random"}
    few = {"drawings": {"images": 4, "settings": CANVAS}, "adain_control": False, "others": {}}
    small = {"real": tiny_experiment["real"], "density": CLASSES, "screening": all_pass}
    settings = settings_from(
        values | few | small | {"rows": rows, "seeds": [0]}, ExperimentSettings
    )
    out = tmp_path / "run"
    run(settings, out, device="cpu")
    facts = facts_of(out)
    assert (facts.token_mode, facts.density_class) == ("encoder_mean", "low, medium")
    assert {
        (out / "style" / each / "encoder.safetensors").exists() for each in ("low", "medium")
    } == {True}
    found = read_results(out)["rows"]
    assert isinstance(found, list)
    assert [(row["name"], row["published"]["mae"]) for row in found] == [
        ("Real only", 27.74),
        ("InST-Syn, fine-tuned", 26.25),
    ]
    card = (out / "stylised" / "README.md").read_text("utf-8")
    assert "AdaIN (whole), stochastic inversion, strength 0.7, 4 steps of DDIM, guidance 10" in card
    assert "stored intensities at 64 pixels a side, posterior's sample" in card


def test_a_folder_of_weights_that_is_not_named_is_asked_for(
    shipped: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ADAPTOSCOPE_STABLE_DIFFUSION", raising=False)
    kind = type(load_experiment(FIGURES))
    with pytest.raises(SettingsError, match="ADAPTOSCOPE_STABLE_DIFFUSION"):
        run(settings_from(shipped, kind), tmp_path / "run", device="cpu")
