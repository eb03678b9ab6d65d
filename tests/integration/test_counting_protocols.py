"""Counting experiments by folds and by published lists, with rows of every kind, on tiny images."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adaptoscope.counting import regimes
from adaptoscope.counting.consistency import Probe
from adaptoscope.counting.crops import TrainingImages
from adaptoscope.counting.settings import CountingSettings
from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.errors import LeakageError, OutputError
from adaptoscope.pipeline.report import read_results
from adaptoscope.pipeline.run import run
from adaptoscope.pipeline.settings import ExperimentSettings
from adaptoscope.training.settings import settings_from
from tests.integration.conftest import contents_of, nothing_is_computed

CANVAS = {"height": 96, "width": 96}
REAL = {
    "kind": "simulated",
    "images": 12,
    "fractions": {"train": 0.5, "val": 0.25, "test": 0.25},
    "simulation": {**CANVAS, "cell_diameter_px": 12.0, "cells_per_mpx": 2500.0},
}
NETWORK = {"crop": 64, "batch": 2, "save_every": 10, "log_every": 1}
BOTH = {"method": "centres", "init": "random", "synthetic": "drawings"}
ROWS: list[dict[str, object]] = [
    {"name": "Dog", "method": "dog"},
    {"name": "Dog, 3 labels", "method": "dog", "labelled": 3, "curve": "dog"},
    {"name": "Dog, 6 labels", "method": "dog", "labelled": 6, "curve": "dog"},
    {"name": "Real", "method": "centres", "init": "random", "published": {"mae": 27.74}},
    {"name": "No label", **BOTH, "labelled": 0, "curve": "centres"},
    {"name": "Two labels", **BOTH, "labelled": 2, "curve": "centres"},
]
VALUES: dict[str, Any] = {
    "name": "folds",
    "title": "By folds",
    "real": REAL,
    "protocol": {"kind": "folds", "folds": 2, "fold_seed": 1},
    "others": {"invented": {"kind": "simulated", "images": 4, "simulation": CANVAS}},
    "drawings": {"images": 3, "settings": CANVAS},
    "counting": NETWORK,
    "spatial": {**NETWORK, "init": "random"},
    "total_steps": 3,
    "pretrain_steps": 1,
    "against": "Dog",
    "seeds": [0, 1],
    "rows": ROWS,
}


@pytest.fixture(scope="module")
def by_folds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of an experiment with two folds and two seeds."""
    out = tmp_path_factory.mktemp("folds") / "run"
    run(settings_from(VALUES, ExperimentSettings), out, device="cpu")
    return out


def rows_of(out: Path) -> dict[str, dict[str, Any]]:
    rows: Any = read_results(out)["rows"]
    return {row["name"]: row for row in rows}


def seen_by(model: Path) -> set[str]:
    return set(json.loads((model / "training_images.json").read_text("utf-8")))


def counted_in(fold: Path) -> set[str]:
    table = (fold / "counts" / "dog.csv").read_text("utf-8").splitlines()
    return {line.split(",")[0] for line in table[1:]}


def test_errors_are_those_of_all_images_pooled_for_each_seed(by_folds: Path) -> None:
    rows = rows_of(by_folds)
    assert [rows[str(row["name"])]["n"] for row in ROWS] == [12] * len(ROWS)
    errors: list[float] = []
    for fold in ("1", "2"):
        table = (by_folds / "folds" / fold / "counts" / "real-seed1.csv").read_text("utf-8")
        errors += [abs(float(line.split(",")[3])) for line in table.splitlines()[1:]]
    assert len(errors) == 12
    assert rows["Real"]["mae_by_seed"][1] == pytest.approx(np.mean(errors), abs=1e-3)
    both = rows["Real"]["mae_by_seed"]
    assert rows["Real"]["mae_spread"] == pytest.approx(max(both) - min(both))


def test_what_is_counted_in_a_fold_was_learnt_from_in_the_other_alone(by_folds: Path) -> None:
    real = open_counted_images(by_folds / "real")
    hashes = {Path(name).name: sha for name, sha in real.hashes().items()}
    counted = [counted_in(by_folds / "folds" / fold) for fold in ("1", "2")]
    assert counted[0] | counted[1] == set(hashes)
    assert not counted[0] & counted[1]
    for fold, names in zip(("1", "2"), counted, strict=True):
        others = {hashes[name] for name in set(hashes) - names}
        models = by_folds / "folds" / fold / "models"
        assert seen_by(models / "dog") == seen_by(models / "real-seed0") == others
        for model in ("two-labels-seed0", "no-label-seed1"):
            assert not seen_by(models / model) & {hashes[name] for name in names}


def test_few_labels_are_few_and_those_of_fewer_are_among_those_of_more(by_folds: Path) -> None:
    models = by_folds / "folds" / "1" / "models"
    for seed in (0, 1):
        few, more = (seen_by(models / f"dog-{n}-labels-seed{seed}") for n in (3, 6))
        assert (len(few), len(more)) == (3, 6)
        assert few < more
    rows = rows_of(by_folds)
    labels = {name: rows[name]["labels"] for name in ("Dog", "Dog, 3 labels", "No label", "Real")}
    assert labels == {"Dog": 6, "Dog, 3 labels": 3, "No label": 0, "Real": 6}


def test_drawings_are_made_anew_for_every_fold(by_folds: Path) -> None:
    first, second = (
        open_counted_images(by_folds / "folds" / fold / "drawings").hashes() for fold in ("1", "2")
    )
    assert set(first.values()) != set(second.values())


def test_every_network_took_the_stated_steps(by_folds: Path) -> None:
    rows = rows_of(by_folds)
    networks = [row for row in ROWS if row["method"] == "centres"]
    assert {rows[str(row["name"])]["steps"] for row in networks} == {3}
    assert rows["Dog"]["steps"] is None
    page = (by_folds / "report.html").read_text("utf-8")
    assert "Every network took 3 optimiser steps in all." in page


def test_every_row_is_compared_with_the_named_one(by_folds: Path) -> None:
    rows = rows_of(by_folds)
    assert rows["Dog"]["against"] is None
    difference = rows["Real"]["against"]
    assert difference["row"] == "Dog"
    assert difference["difference"] == pytest.approx(rows["Real"]["mae"] - rows["Dog"]["mae"])
    assert difference["interval"][0] <= difference["difference"] <= difference["interval"][1]


def test_the_report_says_how_it_was_counted_and_shows_curves_and_published_figures(
    by_folds: Path,
) -> None:
    page = (by_folds / "report.html").read_text("utf-8")
    for said in (
        "2 folds (seed 1) over 12 images",
        "each in the fold that did not learn from it",
        "How many labels it takes",
        "MAE minus that of Dog",
        "Published MAE",
        "27.74",
        "real images, train, fold 2",
    ):
        assert said in page, said
    table = (by_folds / "results.md").read_text("utf-8")
    assert "| Curve | 0 labels | 2 labels | 3 labels | 6 labels |" in table


def test_a_finished_run_does_nothing_again(by_folds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents_of(by_folds)
    monkeypatch.setattr("adaptoscope.pipeline.counting_stage._train", nothing_is_computed)
    monkeypatch.setattr("adaptoscope.pipeline.style_steps.synthesise", nothing_is_computed)
    run(settings_from(VALUES, ExperimentSettings), by_folds, device="cpu")
    assert contents_of(by_folds) == before


def test_a_run_that_lost_the_end_of_a_fold_ends_with_the_same_files(
    by_folds: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    shutil.copytree(by_folds, out)
    (out / "report.html").unlink()
    (out / "folds" / "2" / "counts" / "two-labels-seed1.csv").unlink()
    (out / "folds" / "2" / "models" / "two-labels-seed1" / "model.json").unlink()
    shutil.rmtree(out / "folds" / "2" / "models" / "real-seed0")
    (out / "folds" / "2" / "counts" / "real-seed0.csv").unlink()
    run(settings_from(VALUES, ExperimentSettings), out, device="cpu")
    assert contents_of(out) == contents_of(by_folds)


def test_another_division_needs_another_folder(by_folds: Path) -> None:
    other = VALUES | {"protocol": {"kind": "folds", "folds": 2, "fold_seed": 2}}
    with pytest.raises(OutputError, match="other settings"):
        run(settings_from(other, ExperimentSettings), by_folds, device="cpu")


def test_any_head_learns_in_any_regime_and_from_another_simulator(tmp_path: Path) -> None:
    rows = [
        {"name": "Fine-tuned", **BOTH, "synthetic": "invented"},
        {"name": "Dual", **BOTH, "regime": "dual"},
        {"name": "CutMix", **BOTH, "regime": "dacs", "changes": {"mix_alpha": 2.0}},
        {"name": "Teacher", **BOTH, "regime": "dacs", "mode": "teacher", "labelled": 0},
        {"name": "FCRN-A", "method": "fcrn_a", "init": "random", "changes": {"loss": "mse"}},
        {"name": "Regressor", **BOTH, "method": "regressor", "regime": "dacs"},
    ]
    changes = {"rows": rows, "against": None, "protocol": {"kind": "split"}, "seeds": [0]}
    out = tmp_path / "run"
    run(settings_from(VALUES | changes, ExperimentSettings), out, device="cpu")
    assert {row["steps"] for row in rows_of(out).values()} == {3}
    assert rows_of(out)["Teacher"]["labels"] == 0
    learnt = seen_by(out / "models" / "fine-tuned-seed0")
    invented = open_counted_images(out / "others" / "invented").hashes()
    assert set(invented.values()) < learnt
    kinds = {
        name: json.loads((out / "models" / f"{name}-seed0" / "model.json").read_text("utf-8"))
        for name in ("fine-tuned", "dual", "cutmix", "teacher", "fcrn-a", "regressor")
    }
    assert {name: (made["kind"], made["regime"]) for name, made in kinds.items()} == {
        "fine-tuned": ("centres", "fine_tuned"),
        "dual": ("centres", "dual"),
        "cutmix": ("centres", "dacs"),
        "teacher": ("centres", "dacs"),
        "fcrn-a": ("fcrn_a", "supervised"),
        "regressor": ("count_regressor", "dacs"),
    }


def test_without_labels_weights_are_chosen_on_real_training_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[TrainingImages] = []

    class Spied(Probe):
        def __init__(self, images: TrainingImages, settings: CountingSettings) -> None:
            shown.append(images)
            super().__init__(images, settings)

    monkeypatch.setattr(regimes, "Probe", Spied)
    row = {"name": "R", **BOTH, "labelled": 0, "changes": {"checkpoint": "steadiest"}}
    changes = {"rows": [row], "against": None, "protocol": {"kind": "split"}, "seeds": [0]}
    out = tmp_path / "run"
    run(settings_from(VALUES | changes, ExperimentSettings), out, device="cpu")
    real = open_counted_images(out / "real")
    assert [set(images.hashes.values()) for images in shown] == [set(real.hashes("train").values())]
    assert all(len(points) == 0 for points in shown[0].points)
    metrics = (out / "models" / "r-seed0" / "metrics.csv").read_text("utf-8").splitlines()
    assert metrics[0] == "step,loss,mae,disagreement"


def test_other_images_that_are_kept_back_are_refused(by_folds: Path, tmp_path: Path) -> None:
    shutil.copytree(by_folds / "real", tmp_path / "other")
    (tmp_path / "other" / "metadata.csv").write_text(
        (tmp_path / "other" / "metadata.csv").read_text().replace(",test,", ",train,")
    )
    changes = {
        "real": {"kind": "folder", "folder": str(by_folds / "real")},
        "protocol": {"kind": "split"},
        "others": {"mine": {"kind": "folder", "folder": str(tmp_path / "other")}},
        "rows": [{"name": "R", **BOTH, "synthetic": "mine"}],
        "against": None,
    }
    with pytest.raises(LeakageError, match="kept back"):
        run(settings_from(VALUES | changes, ExperimentSettings), tmp_path / "run", device="cpu")


def test_published_lists_say_what_is_counted_and_how_much_is_absent(
    by_folds: Path, tmp_path: Path
) -> None:
    shutil.copytree(by_folds / "real", tmp_path / "real")
    names = [record.name for record in open_counted_images(tmp_path / "real")]
    lists = [f"{name},{'test' if index < 3 else 'train'}" for index, name in enumerate(names)]
    (tmp_path / "real" / "quality.csv").write_text("\n".join(["image,repo_split", *lists]) + "\n")
    changes = {
        "real": {"kind": "folder", "folder": str(tmp_path / "real")},
        "protocol": {
            "kind": "authors",
            "split_table": "quality.csv",
            "split_column": "repo_split",
            "published": {"test": 5},
        },
        "rows": ROWS[:1],
        "against": None,
    }
    settings = settings_from(VALUES | changes, ExperimentSettings)
    out = tmp_path / "run"
    run(settings, out, device="cpu")
    assert rows_of(out)["Dog"]["n"] == 3
    page = (out / "report.html").read_text("utf-8")
    assert "5 for test, of which 2 are absent or unusable" in page
    (tmp_path / "real" / "quality.csv").write_text("\n".join(["image,repo_split", *lists]) + "\n\n")
    with pytest.raises(OutputError, match="have changed") as caught:
        run(settings, out, device="cpu")
    assert "lists quality.csv" in caught.value.found


def test_the_bundled_counter_counts_without_training(tmp_path: Path) -> None:
    rows = [
        {"name": "As shipped", "method": "nuclei", "curve": "nuclei"},
        {"name": "From it", "method": "centres", "init": "nuclei"},
    ]
    changes = {"rows": rows, "against": None, "protocol": {"kind": "split", "count": "val"}}
    run(settings_from(VALUES | changes, ExperimentSettings), tmp_path / "run", device="cpu")
    found = rows_of(tmp_path / "run")
    assert found["As shipped"]["labels"] == 0
    assert found["As shipped"]["init"] == "nuclei, as shipped"
    assert len(found["As shipped"]["mae_by_seed"]) == 1
    assert {path.name for path in (tmp_path / "run" / "models").iterdir()} == {
        "from-it-seed0",
        "from-it-seed1",
    }
    page = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert "the 3 validation images" in page
    assert "counter nuclei" in page
