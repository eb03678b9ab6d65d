"""A study of styles as a person runs it, on a tiny backbone and simulated images."""

import json
from pathlib import Path

import pytest
import torch

from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.errors import InputError, LeakageError, OutputError, SettingsError
from adaptoscope.pipeline.rows import NAMES
from adaptoscope.pipeline.run import load_experiment, run
from adaptoscope.realism.measure_realism import measure_realism
from adaptoscope.style_transfer.style_file import load_style
from adaptoscope.training.settings import settings_from
from experiments.style_study.settings import StyleStudySettings
from tests.integration.conftest import CANVAS, contents_of, nothing_is_computed


@pytest.fixture(scope="module")
def values(tiny_experiment: dict[str, object]) -> dict[str, object]:
    return {
        "kind": "style_study",
        **tiny_experiment,
        "layouts": [
            {"name": "alike", "images": 3, "settings": CANVAS},
            {
                "name": "paper",
                "images": 2,
                "like_real": False,
                "settings": {**CANVAS, "count_mean": 6, "count_sd": 1},
                "realism": False,
            },
        ],
        "variants": [
            {"name": "Default", "curve": "free", "mark": "0.1"},
            {"name": "AdaIN only", "changes": {"inversion": "none"}},
            {"name": "Refined", "tokens": {"steps": 2, "batch": 2, "side": 64}},
            {"name": "Mean token", "tokens": {"steps": 0, "batch": 2, "side": 64}},
        ],
        "controls": ["histogram", "simulation"],
        "realism": {"tile": 32, "resamples": 8},
    }


@pytest.fixture(scope="module")
def finished(values: dict[str, object], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "study"
    run(settings_from(values, StyleStudySettings), out, device="cpu")
    return out


def test_every_variant_is_measured_on_every_layout(finished: Path) -> None:
    found = json.loads((finished / "results.json").read_text("utf-8"))
    names = [(row["layout"], row["variant"]) for row in found["rows"]]
    variants = ["Default", "AdaIN only", "Refined", "Mean token"]
    assert names == [(layout, name) for layout in ("alike", "paper") for name in variants]
    assert [row["evaluations"] for row in found["rows"][:4]] == [6, 0, 6, 6]
    assert all((row["kid"] is None) == (row["layout"] == "paper") for row in found["rows"])
    compared = [entry["name"] for entry in found["realism"]["alike"]["sets"]]
    assert compared == [*variants, *(NAMES[k] for k in ("histogram", "simulation", "drawings"))]


def test_the_report_shows_tables_plot_and_pictures(finished: Path) -> None:
    page = (finished / "report.html").read_text("utf-8")
    assert "Relative to drawings" in page
    assert "AdaIN only" in page
    assert page.count("data:image/png") >= 3 * 5 + 2 * 5
    assert "KID" in (finished / "results.md").read_text("utf-8")
    for name in ("trade_off.svg", "trade_off_at_cells.svg"):
        assert (finished / name).read_text("utf-8").startswith("<?xml")


def test_tokens_that_are_not_trained_are_the_mean_of_those_read_off(finished: Path) -> None:
    own, mean, trained = (
        load_style(finished / f"{name}.safetensors").tokens
        for name in ("style", "style_mean-token", "style_refined")
    )

    assert len(own) > 1
    torch.testing.assert_close(mean, own.mean(0, keepdim=True).expand_as(mean))
    assert not torch.equal(mean, trained)


def test_the_drawn_cells_are_simulated_where_they_were_drawn(finished: Path) -> None:
    drawings = open_counted_images(finished / "alike" / "drawings")
    simulated = open_counted_images(finished / "alike" / "simulation")

    for drawing, field in zip(drawings, simulated, strict=True):
        assert field.layout == drawing.name
        assert len(simulated.points(field)) == len(drawings.points(drawing))


@pytest.mark.parametrize("split", ["val", "test"])
def test_realism_is_measured_against_the_split_that_was_asked_for(
    values: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split: str
) -> None:
    compared = []

    def remembering(real, *rest, **named):
        compared.extend(real)
        return measure_realism(real, *rest, **named)

    monkeypatch.setattr("experiments.style_study.study.measure_realism", remembering)
    one = {"name": "one", "images": 2, "settings": CANVAS}
    few = {**values, "layouts": [one], "controls": [], "compare_with": split}
    adain = [{"name": "AdaIN only", "changes": {"inversion": "none"}}]
    run(settings_from({**few, "variants": adain}, StyleStudySettings), tmp_path, device="cpu")

    assert {record.split for record in compared} == {split}
    assert f"images of the split {split}" in (tmp_path / "report.html").read_text("utf-8")


def test_a_variant_that_shows_images_otherwise_has_a_style_of_its_own(
    values: dict[str, object], tmp_path: Path
) -> None:
    one = {"name": "one", "images": 1, "settings": CANVAS, "realism": False}
    adain = {"inversion": "none"}
    variants = [
        {"name": "Usual", "changes": adain},
        {"name": "Larger", "changes": {**adain, "working_side": 128}},
    ]
    few = {**values, "layouts": [one], "controls": [], "variants": variants}
    run(settings_from(few, StyleStudySettings), tmp_path, device="cpu")

    assert load_style(tmp_path / "style.safetensors").facts.working_side is None
    assert load_style(tmp_path / "style_larger.safetensors").facts.working_side == 128


def test_variants_differ_in_their_images(finished: Path) -> None:
    one, other = (
        (finished / "alike" / name / "images" / "syn_00000.png").read_bytes()
        for name in ("default", "adain-only")
    )
    assert one != other


def test_a_second_call_computes_nothing_and_changes_nothing(
    values: dict[str, object], finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents_of(finished)
    for name in (
        "stylise_set",
        "learn_style",
        "learn_refined_style",
        "synthesise",
        "measure_exemplars",
    ):
        monkeypatch.setattr(f"adaptoscope.pipeline.style_steps.{name}", nothing_is_computed)
    for name in ("measure_realism", "screen_set", "judge_structure"):
        monkeypatch.setattr(f"experiments.style_study.study.{name}", nothing_is_computed)
    run(settings_from(values, StyleStudySettings), finished, device="cpu")
    assert contents_of(finished) == before


def test_other_settings_are_refused(values: dict[str, object], finished: Path) -> None:
    changed = settings_from({**values, "seed": 1}, StyleStudySettings)
    with pytest.raises(OutputError, match="other settings"):
        run(changed, finished, device="cpu")


def test_overwriting_discards_what_other_settings_made(
    values: dict[str, object], tmp_path: Path
) -> None:
    one = {"name": "one", "images": 2, "settings": CANVAS, "realism": False}
    few = {**values, "layouts": [one], "variants": [{"name": "Default"}], "controls": []}
    run(settings_from(few, StyleStudySettings), tmp_path / "run", device="cpu")
    other = {**few, "layouts": [{**one, "name": "other"}]}
    run(settings_from(other, StyleStudySettings), tmp_path / "run", device="cpu", overwrite=True)
    assert (tmp_path / "run" / "other").is_dir()
    assert not (tmp_path / "run" / "one").exists()


def test_a_class_without_images_is_refused(values: dict[str, object], tmp_path: Path) -> None:
    layouts = [{"name": "dense", "images": 2, "density_class": "high"}]
    density = {"measure": "cells_per_mpx", "limits": [1e6, 2e6]}
    chosen = {**values, "layouts": layouts, "density": density}
    with pytest.raises(InputError, match="density class"):
        run(settings_from(chosen, StyleStudySettings), tmp_path / "run", device="cpu")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"variants": [{"name": "A", "changes": {"strenght": 0.3}}]}, "strenght"),
        ({"variants": [{"name": "A", "changes": {"strength": 3}}]}, "strength"),
        ({"variants": [{"name": "A b"}, {"name": "a-b"}]}, "different names"),
        ({"variants": [{"name": "Drawings"}]}, "cannot be called"),
        ({"variants": [{"name": "Realism"}]}, "cannot be called"),
        ({"variants": [{"name": "Histogram matching"}]}, "cannot be called"),
        ({"layouts": [{"name": "real"}]}, "cannot be called"),
        ({"layouts": [{"name": "a"}, {"name": "A"}]}, "different names"),
        ({"layouts": [{"name": "x", "like_real": False, "density_class": "low"}]}, "density_class"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(
    values: dict[str, object], change: dict[str, object], said: str
) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        settings_from({**values, **change}, StyleStudySettings)
    assert "pydantic" not in str(caught.value)


def test_style_images_of_the_test_split_are_refused(
    values: dict[str, object], finished: Path, tmp_path: Path
) -> None:
    leaked = tmp_path / "leaked" / "images"
    leaked.mkdir(parents=True)
    real = open_counted_images(finished / "real")
    held_out = real.path(real.images_of("test")[0])
    (leaked / "innocent.png").write_bytes(held_out.read_bytes())
    style = {**values["style"], "images": str(leaked.parent)}
    with pytest.raises(LeakageError):
        run(
            settings_from({**values, "style": style}, StyleStudySettings),
            tmp_path / "run",
            device="cpu",
        )


def test_an_unknown_kind_names_the_known_ones(tmp_path: Path) -> None:
    path = tmp_path / "e.yaml"
    path.write_text("kind: [style_study]\nname: x\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="no known kind"):
        load_experiment(path)
    path.write_text("kind: painting\nname: x\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="no known kind") as caught:
        load_experiment(path)
    assert "style_study" in str(caught.value.expected)
