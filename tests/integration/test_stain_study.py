"""A study of layer matching from settings to report, and the automatic choice of a layer."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adaptoscope.adaptation.appearance_estimate import LookEstimate
from adaptoscope.adaptation.baseline_settings import RestyledSettings
from adaptoscope.adaptation.collapse import HealthVerdict
from adaptoscope.adaptation.layer_choice.candidates import Trial
from adaptoscope.adaptation.layer_choice.choose import adapt_automatically, read_choice
from adaptoscope.adaptation.layer_choice.scores import CRITERIA
from adaptoscope.adaptation.layer_choice.settings import AutoSettings
from adaptoscope.counting.model_folder import load_counter
from adaptoscope.datasets.paired_stains import open_paired_stains
from adaptoscope.errors import InputError, SettingsError
from adaptoscope.imageio.files import write_image
from adaptoscope.pipeline.run import run
from adaptoscope.pipeline.stained_counts import count_on_stains
from adaptoscope.training.settings import settings_from
from adaptoscope.translation.fields import read_fields
from adaptoscope.translation.trained_model import load_translator
from experiments.stain_study.one_run import RunTask, some_fields
from experiments.stain_study.settings import StainStudySettings
from experiments.stain_study.stages import StudyStages

SIDE = 128
QUICK = {"steps": 2, "batch": 2, "cached": 4, "discriminator_parameters": 1000, "save_every": 1}
STUDY = {
    "kind": "stain_study",
    "name": "tiny",
    "title": "Tiny",
    "pairs": {
        "kind": "simulated",
        "fields": 10,
        "fractions": {"train": 0.6, "val": 0.2, "test": 0.2},
        "settings": {"height": SIDE, "width": SIDE},
    },
    "modality": "phase",
    "training": {"width": 2, "steps": 3, "batch": 1},
    "shifts": [
        {
            "name": "bright",
            "shift": {"overexposure": 150},
            "intensities": "source",
            "curve": "exposure",
            "magnitude": 150,
        },
        {"name": "bright_field", "modality": "defocused"},
    ],
    "baselines": ["none", "oracle"],
    "oracle": {"steps": 2, "batch": 1},
    "adaptation": QUICK,
    "layers": [[2], [13]],
    "also": [{"method": "coral", "layers": [2, 13]}],
    "restyled": True,
    "restyled_layers": [[13]],
    "restyling": {"steps": 2, "batch": 1, "scale": 1.0},
    "seeds": [0, 1],
}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study") / "run"
    assert run(settings_from(STUDY, StainStudySettings), out, device="cpu") == out / "report.html"
    return out


def test_every_way_is_measured_on_every_shift(study: Path) -> None:
    results = json.loads((study / "results.json").read_text("utf-8"))
    keys = ("shift", "method", "layers", "restyled", "seed")
    found = [tuple(str(row[key]) for key in keys) for row in results["runs"]]
    contrasts = sum(
        len(json.loads(path.read_text("utf-8"))["plausible"])
        for path in (study / "looks").iterdir()
    )
    assert len(found) == len(set(found)) == 2 * (1 + 2 + 2 * 2 + 2) + contrasts * (2 + 2)
    for row in results["runs"]:
        assert set(row["val"]) == set(row["test"]) == set(row["source_val"]) == {"dapi", "cd29"}
        assert len(row["test_fields"]) == 2
    assert [choice["shift"] for choice in results["choices"]] == ["bright", "bright_field"]
    for choice in results["choices"]:
        for criterion in CRITERIA:
            assert (
                criterion in ("consensus", "ranks", "look")
                or choice[criterion]["way"] != "unadapted"
            )
        assert choice["best layer"]["way"] in {"layer 2", "layer 13"}
        assert choice["best way"]["way"] != "unadapted"
        assert {"none", "oracle"} <= choice.keys()
    page = (study / "report.html").read_text("utf-8")
    assert "Consensus" in page
    # Of each shift a curve and a panel, and the curve by magnitude.
    assert page.count("data:image/svg+xml") == 3
    assert page.count("data:image/png") == 2


def test_the_last_table_has_all_shifts_side_by_side(study: Path) -> None:
    results = json.loads((study / "results.json").read_text("utf-8"))
    table = (study / "results.md").read_text("utf-8").split("\n\n")[-1].strip().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    assert rows[0] == ["Method", "bright", "bright_field"]
    names = [row[0] for row in rows[2:]]
    assert names[:4] == ["none", "coral, layer 2, 13", "layer 2", "layer 13"]
    assert names[-1] == "oracle"
    assert len(names) == len(set(names))
    for row in rows[2:]:
        wanted = {"none": ("none", []), "layer 13": ("adversarial", [13])}.get(row[0])
        if wanted is None:
            continue
        for shift, cell in zip(rows[0][1:], row[1:], strict=True):
            runs = [
                each
                for each in results["runs"]
                if (each["shift"], each["method"], each["layers"]) == (shift, *wanted)
                and not each["restyled"]
            ]
            mean = np.mean([value for each in runs for value in each["test_fields"]])
            assert cell.split()[0].replace("−", "-") == f"{mean:.3f}"
            marked = sum(not each["healthy"] for each in runs)
            assert cell.endswith(f" x{marked}") if marked else "x" not in cell
    assert "All shifts" in (study / "report.html").read_text("utf-8")


def test_the_untouched_network_is_the_source_on_its_own_images(study: Path) -> None:
    results = json.loads((study / "results.json").read_text("utf-8"))
    source = json.loads((study / "source" / "model.json").read_text("utf-8"))["measured"]
    none = next(row for row in results["runs"] if row["method"] == "none")
    for stain in ("dapi", "cd29"):
        assert none["source_val"][stain] == pytest.approx(source[f"{stain}_pearson"], abs=1e-6)


def test_source_and_target_show_different_fields(study: Path) -> None:
    stages = StudyStages(settings_from(STUDY, StainStudySettings), study)
    for shift in stages.settings.shifts:
        source = stages.source_fields("train", truth=False)
        target = stages.target_fields(shift, "train", truth=False)
        numbers = [{field.name[:11] for field in fields} for fields in (source, target)]
        assert len(numbers[0]) == len(numbers[1]) == 3
        assert not numbers[0] & numbers[1]


def test_finished_runs_keep_no_checkpoint(study: Path) -> None:
    assert not list(study.rglob("*.pt"))


def test_one_field_is_source_on_one_side_and_target_on_the_other(
    study: Path, tmp_path: Path
) -> None:
    values = {
        **STUDY,
        "pairs": {
            "kind": "parts",
            "folder": str(study / "pairs"),
            "parts": [
                {"split": "train", "files": "field_00000*", "columns": [0, 0.5]},
                {"split": "target", "files": "field_00000*", "columns": [0.5, 1]},
                {"split": "val", "files": "field_00001*"},
                {"split": "test", "files": "field_00002*"},
            ],
        },
        "target_split": "target",
        "shifts": [{"name": "bright_field", "modality": "defocused"}],
        "also": [],
        "baselines": ["none", "oracle"],
        "layers": [[2]],
        "restyled": False,
        "restyled_layers": [],
        "target_images": [1, 2],
        "seeds": [0],
    }
    settings = settings_from(values, StainStudySettings)
    run(settings, tmp_path / "run", device="cpu")
    stages = StudyStages(settings, tmp_path / "run")
    shift = settings.shifts[0]
    (source,) = stages.source_fields("train", truth=True)
    (target,) = stages.target_fields(shift, "train", truth=True)
    whole = read_fields(open_paired_stains(study / "pairs"))
    given = {
        modality: next(f for f in whole if f.name.startswith(f"field_00000_{modality}"))
        for modality in ("phase", "defocused")
    }
    half = SIDE // 2
    np.testing.assert_array_equal(source.pixels, given["phase"].pixels[:, :half])
    np.testing.assert_array_equal(target.pixels, given["defocused"].pixels[:, half:])
    # The source network learnt from its own side alone.
    learnt = json.loads((tmp_path / "run" / "source" / "model.json").read_text("utf-8"))
    assert all("_train0" in name for name in learnt["training_images"].values())
    results = json.loads((tmp_path / "run" / "results.json").read_text("utf-8"))
    assert {row["target_images"] for row in results["runs"]} == {None, 1, 2}


def test_networks_that_run_to_infinity_are_told_and_the_study_goes_on(
    study: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "pairs"
    shutil.copytree(study / "pairs", folder)
    # A field without any cell has no correlation either.
    pairs = open_paired_stains(folder)
    empty = next(record for record in pairs if record.split == "test" and record.stain == "dapi")
    for record in pairs:
        if record.input == empty.input:
            write_image(folder / record.target, np.zeros((SIDE, SIDE)), bit_depth=16)
    values = {
        **STUDY,
        "pairs": {"kind": "folder", "folder": str(folder)},
        "shifts": [{"name": "bright_field", "modality": "defocused"}],
        "also": [],
        "baselines": ["none", "oracle"],
        "layers": [[2], [3]],
        "rates": [0.001, 1e38],
        "oracle": {"steps": 2, "batch": 1, "learning_rate": 1e38},
        "restyling": {"steps": 2, "batch": 1, "scale": 1.0, "learning_rate": 1e38},
        "seeds": [0],
    }
    out = tmp_path / "run"
    run(settings_from(values, StainStudySettings), out, device="cpu")
    results = json.loads((out / "results.json").read_text("utf-8"))
    none, oracle, slow, fast, _, also_fast, *restyled = results["runs"]
    assert len(restyled) in (2, 4)
    for row in (oracle, fast, also_fast, *restyled):
        assert "outputs are not numbers" in row["reasons"]
        assert row["test"] == {"dapi": None, "cd29": None}
    for row in (none, slow):
        assert sum(value is None for value in row["test_fields"]) == 1
        assert row["figures"]["constant"] == 2
        assert row["figures"]["ssim"] is not None
    table = (out / "results.md").read_text("utf-8").splitlines()
    assert any(line.startswith("| layer 2, 1e+38 | – x1") for line in table)
    assert "that of step size 0.001" in (out / "report.html").read_text("utf-8")


def test_the_source_network_never_saw_the_target_fields(study: Path) -> None:
    settings = settings_from(STUDY, StainStudySettings)
    stages = StudyStages(settings, study)
    learnt = json.loads((study / "source" / "model.json").read_text("utf-8"))["training_images"]
    seen = {Path(name).name[:11] for name in learnt.values()}
    source = {field.name[:11] for field in stages.source_fields("train", truth=False)}
    assert seen == source
    assert len(seen) == 3
    with pytest.raises(SettingsError, match="halves of train"):
        settings_from({**STUDY, "shared_fields": True, "target_split": "a"}, StainStudySettings)


def test_every_seed_takes_other_target_images() -> None:
    fields = [object() for _ in range(20)]
    taken = [some_fields(fields, 5, seed) for seed in (0, 1, 0)]  # type: ignore[arg-type]
    assert taken[0] == taken[2] != taken[1]
    assert len(set(taken[0])) == 5
    for number in (None, 20, 30):
        assert some_fields(fields, number, 0) == fields  # type: ignore[arg-type]


def test_a_study_goes_on_where_it_stopped(study: Path) -> None:
    kept = {path: path.stat().st_mtime_ns for path in study.rglob("*.safetensors")}
    settings = settings_from(STUDY, StainStudySettings)
    task = RunTask(study, settings, settings.shifts[0], "adversarial", (13,), 2e-4, 1, None)
    before = (task.folder / "outcome.json").read_bytes()
    (task.folder / "outcome.json").unlink()
    run(settings, study, device="cpu")
    assert (task.folder / "outcome.json").read_bytes() == before
    again = {path: path.stat().st_mtime_ns for path in study.rglob("*.safetensors")}
    changed = {path.name for path in kept if again[path] != kept[path]}
    assert changed <= {"outputs.safetensors"}


def test_names_and_layers_are_checked() -> None:
    with pytest.raises(SettingsError, match="different names"):
        settings_from({**STUDY, "shifts": STUDY["shifts"][:1] * 2}, StainStudySettings)
    with pytest.raises(SettingsError, match="layers"):
        settings_from({**STUDY, "layers": [[17]]}, StainStudySettings)
    lonely = {"name": "a", "modality": "defocused", "curve": "focus"}
    with pytest.raises(SettingsError, match="both curve and magnitude"):
        settings_from({**STUDY, "shifts": [lonely]}, StainStudySettings)


def automatically(study: Path, out: Path, *, images: int | None = None, **how: Any) -> Path:
    """Adapt the source network of the study to its second shift: two layers, quickly."""
    settings = settings_from(STUDY, StainStudySettings)
    stages = StudyStages(settings, study)
    values = {"layers": ((2,), (13,)), "adaptation": settings.adaptation, **how}
    return adapt_automatically(
        AutoSettings(**values),
        out,
        model=stages.model("cpu"),
        source=stages.source_fields("train", truth=values.get("restyling") is not None),
        target=stages.target_fields(settings.shifts[1], "train", truth=False)[:images],
        device="cpu",
    )


def test_one_of_several_layers_is_kept(study: Path, tmp_path: Path) -> None:
    quick = RestyledSettings(steps=2, batch=1, scale=1.0, contrast="inverted")
    out = automatically(study, tmp_path / "auto", restyling=quick)
    way, scores = read_choice(out)
    ways = {
        "unadapted": "unadapted",
        "layer 2": "layer02_seed0",
        "layer 13": "layer13_seed0",
        "restyled, inverted": "restyled_inverted_seed0",
        "restyled, inverted, then layer 13": "restyled_inverted_layer13_seed0",
    }
    assert scores.keys() == ways.keys()
    adapted = load_translator(out)
    assert adapted.record.adapted is not None
    assert adapted.record.adapted.source == "source"
    kept = load_translator(out / "candidates" / ways[way]).network.state_dict()
    for key, weight in adapted.network.state_dict().items():
        assert np.array_equal(weight.numpy(), kept[key].numpy())
    written = (out / "choice.json").stat().st_mtime_ns
    automatically(study, out, restyling=quick)
    assert (out / "choice.json").stat().st_mtime_ns == written
    with pytest.raises(SettingsError, match="two entries"):
        settings_from({"layers": [[2]]}, AutoSettings)


@pytest.mark.parametrize("clear", [True, False])
def test_a_clear_look_saves_the_layers(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clear: bool
) -> None:
    away = 1.0 if clear else 0.11
    look = LookEstimate(
        {"same": 1.0, "inverted": 1.0},
        {"same": 0.1, "inverted": away},
        {"same": {}, "inverted": {}},
    )
    monkeypatch.setattr(Trial, "look", look)
    monkeypatch.setattr(
        "adaptoscope.adaptation.layer_choice.candidates.judge_run",
        lambda *_, **__: HealthVerdict(()),
    )
    quick = RestyledSettings(steps=2, batch=1)
    out = automatically(study, tmp_path / "auto", restyling=quick)
    way, scores = read_choice(out)
    if clear:
        assert (way, scores.keys()) == ("restyled", {"unadapted", "restyled"})
        assert json.loads((out / "look.json").read_text("utf-8"))["contrast"] == "same"
    else:
        # Both contrasts, each alone and with a layer after it; two layers alone; and unadapted.
        assert len(scores) == 2 * 2 + 2 + 1


def test_where_the_target_is_magnified_layers_alone_have_no_say(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = LookEstimate(
        {"same": 1.25, "inverted": 1.0},
        {"same": 0.10, "inverted": 0.11},
        {"same": {}, "inverted": {}},
    )
    monkeypatch.setattr(Trial, "look", look)
    quick = RestyledSettings(steps=2, batch=1)
    out = automatically(study, tmp_path / "auto", restyling=quick, restyled_layers=())
    found = json.loads((out / "choice.json").read_text("utf-8"))
    for layer in ("layer 2", "layer 13"):
        assert found["healthy"][layer] == [False, False]
        assert found["chosen"] != layer


def test_a_target_that_shows_nothing_is_refused_before_anything_is_learnt(
    study: Path, tmp_path: Path
) -> None:
    settings = settings_from(STUDY, StainStudySettings)
    stages = StudyStages(settings, study)
    target = stages.target_fields(settings.shifts[1], "train", truth=False)[0]
    with pytest.raises(InputError, match="look of the target images cannot be measured"):
        adapt_automatically(
            AutoSettings(adaptation=settings.adaptation),
            tmp_path / "auto",
            model=stages.model("cpu"),
            source=stages.source_fields("train", truth=True),
            target=[dataclasses.replace(target, given=np.full_like(target.given, 900))],
            device="cpu",
        )
    assert not list(tmp_path.rglob("metrics.csv"))


def test_a_single_target_image_is_enough_to_choose(study: Path, tmp_path: Path) -> None:
    out = automatically(study, tmp_path / "auto", restyling=None, images=1)
    way, scores = read_choice(out)
    assert scores.keys() == {"unadapted", "layer 2", "layer 13"}
    known = {name: score for name, score in scores.items() if score is not None}
    # Seeds and turned images tell something of one image: places, from the first to the last.
    assert all(-len(scores) <= score <= -1 for score in known.values())
    assert scores[way] == max(known.values())


def test_nuclei_are_counted_on_true_and_on_predicted_stains(study: Path) -> None:
    pairs = open_paired_stains(study / "pairs").select(modality="phase", split="test")
    model = load_translator(study / "source")
    fields = read_fields(pairs, model.record.stains)
    found = count_on_stains(model, load_counter("nuclei"), pairs, fields, "dapi")
    assert found["true"].n == 2
    assert found["true"].f1 > 0.8
    assert found["true"].f1 > found["predicted"].f1
    with pytest.raises(InputError, match="does not predict"):
        count_on_stains(model, load_counter("nuclei"), pairs, fields, "actin")
    with pytest.raises(InputError, match="gives no positions"):
        count_on_stains(model, _constant(), pairs, fields, "dapi")


def _constant() -> object:
    from adaptoscope.counting.baselines import ConstantCounter
    from adaptoscope.counting.model_folder import CountingModel, ModelRecord

    return CountingModel("constant", ModelRecord(kind="constant", value=3.0), ConstantCounter(3.0))
