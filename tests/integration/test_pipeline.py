"""The whole job as a person runs it: settings in, report out, whatever happens in between."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml

from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.errors import LeakageError, OutputError, SettingsError
from adaptoscope.imageio.files import write_image
from adaptoscope.networks.nuclei_encoder import NucleiEncoder
from adaptoscope.pipeline.report import read_results
from adaptoscope.pipeline.run import run
from adaptoscope.pipeline.settings import ExperimentSettings
from adaptoscope.pretrained.bundled import bundled_weights, hash_of_weights
from adaptoscope.pretrained.weights_files import write_weights
from adaptoscope.training.settings import settings_from
from tests.integration.conftest import CANVAS, contents_of, nothing_is_computed


@pytest.fixture(scope="module")
def values(tiny_experiment: dict[str, object], all_pass: dict[str, float]) -> dict[str, object]:
    """Settings of a tiny counting experiment; nothing is rejected."""
    return {
        **tiny_experiment,
        "drawings": {"images": 9, "settings": CANVAS},
        "stylisation": {"strength": 0.1, "batch": 3},
        "screening": all_pass,
        "counting": {"crop": 64, "batch": 2, "steps": 2, "save_every": 1, "log_every": 1},
        "pretrain_steps": 2,
        "rows": [
            {"name": "Constant", "method": "constant"},
            {"name": "Difference of Gaussians", "method": "dog"},
            {"name": "Stylised", "method": "regressor", "init": "random", "synthetic": "stylised"},
        ],
    }


@pytest.fixture(scope="module")
def compared(values: dict[str, object], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of an experiment without real labels, with every kind of image."""
    kinds = ("drawings", "stylised", "adain", "percentiles", "histogram", "blur_noise")
    row = {"method": "regressor", "init": "random", "real_labels": False}
    rows = [{"name": kind, "synthetic": kind, **row} for kind in (*kinds, "simulation")]
    looks = {"resamples": 5, "halvings": 1, "tile": 64}
    out = tmp_path_factory.mktemp("compared") / "run"
    changed = values | {"rows": rows, "looks": looks, "published": ""}
    run(settings_from(changed, ExperimentSettings), out, device="cpu")
    return out


@pytest.fixture(scope="module")
def finished(values: dict[str, object], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of an experiment that nothing interrupted."""
    out = tmp_path_factory.mktemp("finished") / "run"
    report = run(settings_from(values, ExperimentSettings), out, device="cpu")
    assert report == out / "report.html"
    return out


def test_the_report_holds_the_table_the_screening_and_nothing_from_elsewhere(
    finished: Path,
) -> None:
    page = (finished / "report.html").read_text("utf-8")
    for text in ("A tiny experiment", "Difference of Gaussians", "AdaIN without diffusion"):
        assert text in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert str(finished) not in page
    rows = read_results(finished)["rows"]
    assert isinstance(rows, list)
    assert [row["name"] for row in rows] == ["Constant", "Difference of Gaussians", "Stylised"]
    assert all(row["n"] == 2 for row in rows)


def test_the_report_names_the_encoder_that_was_used_and_no_other(finished: Path) -> None:
    page = (finished / "report.html").read_text("utf-8")
    assert "encoder random" in page
    assert "none: random weights" in page
    assert hash_of_weights(bundled_weights()["nuclei_encoder"]) not in page


def test_the_run_and_its_trainings_say_what_they_were_computed_with(finished: Path) -> None:
    for folder in (finished, *(finished / "models").iterdir()):
        found = json.loads((folder / "environment.json").read_text("utf-8"))
        assert found["device"] == "cpu", folder
        assert found["torch_threads"] >= 1
        assert found["cpus"] >= 1


def test_a_second_call_does_nothing_again(
    finished: Path, values: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents_of(finished)
    monkeypatch.setattr("adaptoscope.pipeline.counting_stage._train", nothing_is_computed)
    for name in ("stylise_set", "learn_style", "synthesise", "measure_exemplars"):
        monkeypatch.setattr(f"adaptoscope.pipeline.style_steps.{name}", nothing_is_computed)
    run(settings_from(values, ExperimentSettings), finished, device="cpu")
    assert contents_of(finished) == before


@pytest.mark.parametrize(
    ("marker", "workers"),
    [("stylised/records/*.json", "2"), ("models/*/checkpoints/last.pt", "1")],
)
def test_a_killed_run_ends_with_the_same_files(
    finished: Path, values: dict[str, object], tmp_path: Path, marker: str, workers: str
) -> None:
    """Workers of the killed run may still be ending while the next one is at work."""
    settings = tmp_path / "tiny.yaml"
    settings.write_text(yaml.safe_dump(values, sort_keys=False))
    out = tmp_path / "run"
    command = [sys.executable, "-m", "adaptoscope", "run", str(settings), "--out", str(out)]
    command += ["--device", "cpu", "--workers", workers]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    while not list(out.glob(marker)):
        assert process.poll() is None, process.communicate()[1].decode()
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert not (out / "report.html").exists()
    run(settings_from(values, ExperimentSettings), out, device="cpu")
    assert contents_of(out).keys() == contents_of(finished).keys()
    assert contents_of(out) == contents_of(finished)


def test_other_settings_need_another_folder(finished: Path, values: dict[str, object]) -> None:
    with pytest.raises(OutputError, match="other settings"):
        run(settings_from({**values, "title": "Other"}, ExperimentSettings), finished)


@pytest.fixture
def own(finished: Path, values: dict[str, object], tmp_path: Path) -> ExperimentSettings:
    """The experiment with images, backbone and an encoder of one's own, all to be changed."""
    shutil.copytree(finished / "real", tmp_path / "real")
    weights = tmp_path / "mine.safetensors"
    write_weights(weights, NucleiEncoder().state_dict())
    changes = {
        "real": {"kind": "folder", "folder": str(tmp_path / "real")},
        "rows": [
            {"name": "Constant", "method": "constant"},
            {"name": "Own", "method": "regressor", "init": str(weights)},
        ],
    }
    return settings_from({**values, **changes}, ExperimentSettings)


def change(what: str, home: Path) -> str:
    """Change one input of the own experiment and return how an error names it."""
    images = open_counted_images(home / "real")
    first = images.images_of("test")[0]
    if what == "weights":
        write_weights(home / "mine.safetensors", NucleiEncoder().state_dict())
        return f"encoder {home / 'mine.safetensors'}"
    if what == "image":
        write_image(images.path(first), images.read(first).pixels[::-1])
        return f"test image {first.file_name}"
    table = home / "real" / "points.csv"
    lines = table.read_text().splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith(first.name))
    lines[place] = f"{first.name},0.25,0.25"
    table.write_text("\n".join(lines) + "\n")
    return f"labels of {first.file_name}"


@pytest.mark.parametrize("what", ["image", "label", "weights"])
def test_a_run_is_not_continued_with_other_inputs(
    own: ExperimentSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    class Killed(Exception):
        pass

    def kill(*_: object, **__: object) -> None:
        raise Killed

    monkeypatch.setattr("adaptoscope.pipeline.counting_stage.train_counter", kill)
    out = tmp_path / "run"
    for _ in range(2):
        with pytest.raises(Killed):
            run(own, out, device="cpu")
    before = contents_of(out)
    name = change(what, tmp_path)
    with pytest.raises(OutputError, match="have changed since it was begun") as caught:
        run(own, out, device="cpu")
    assert name in caught.value.found
    assert contents_of(out) == before
    with pytest.raises(Killed):
        run(own, out, device="cpu", overwrite=True)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the device")
def test_a_device_that_is_not_there_is_refused_before_anything_is_made(
    values: dict[str, object], tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match="cuda"):
        run(settings_from(values, ExperimentSettings), tmp_path / "run", device="cuda")
    assert not (tmp_path / "run").exists()


def test_style_images_kept_back_are_refused(
    finished: Path, values: dict[str, object], tmp_path: Path
) -> None:
    real = open_counted_images(finished / "real")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "nice.png").write_bytes(real.path(real.images_of("test")[0]).read_bytes())
    style = {"backbone": values["style"]["backbone"], "images": str(mine)}  # type: ignore[index]
    changed = settings_from({**values, "style": style}, ExperimentSettings)
    with pytest.raises(LeakageError, match=r"nice\.png"):
        run(changed, tmp_path / "run", device="cpu")
    assert not (tmp_path / "run" / "style.safetensors").exists()


def test_a_missing_data_variable_is_named(
    values: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ADAPTOSCOPE_DATA", raising=False)
    real = {"kind": "folder", "folder": "$ADAPTOSCOPE_DATA/idcia-dapi"}
    settings = settings_from({**values, "real": real}, ExperimentSettings)
    with pytest.raises(SettingsError, match="ADAPTOSCOPE_DATA"):
        run(settings, tmp_path / "run")


def test_every_kind_of_image_is_counted_after_without_a_real_label(compared: Path) -> None:
    rows = read_results(compared)["rows"]
    assert isinstance(rows, list)
    assert len(rows) == 7
    assert {row["labels"] for row in rows} == {0}
    seen = json.loads(
        (compared / "models" / "histogram-seed0" / "training_images.json").read_text()
    )
    matched = open_counted_images(compared / "matched_histogram")
    assert set(matched.hashes().values()) == set(seen)


def test_looks_are_measured_and_shown(compared: Path) -> None:
    looks = json.loads((compared / "looks.json").read_text("utf-8"))
    assert len(looks["realism"]["sets"]) == 7
    assert looks["realism"]["real_images"] == 2
    assert len(looks["structure"]) == 5
    page = (compared / "report.html").read_text("utf-8")
    for text in ("How real they look", "Histogram matching", "KID x 1000", "Moved by"):
        assert text in page
    assert "Blur and noise matched" in (compared / "results.md").read_text("utf-8")
