"""Every command does its work and says it in the promised form."""

import csv
import dataclasses
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pytest
import tifffile
import torch

from adaptoscope.counting.count_regressor import CountRegressor
from adaptoscope.counting.model_folder import (
    CountingModel,
    ModelRecord,
    load_counter,
    read_record,
)
from adaptoscope.counting.trained_network import write_network_model
from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.imageio.files import write_image, write_text
from adaptoscope.networks.nuclei_encoder import NucleiEncoder
from adaptoscope.pipeline.counter_adaptation import AdaptSettings
from adaptoscope.pipeline.verdict import Verdict
from tests.interfaces.conftest import (
    SIMULATION,
    Chain,
    ask,
    contents,
    refuse,
    succeed,
    write_fields,
    write_yaml,
)

COUNT_COLUMNS = (
    "image,count,lower,upper,flag,region,area_mm2,per_mm2,pixel_size_um,diameter_px,model,error"
)


def test_simulate_writes_fields_with_truth_and_splits(chain: Chain) -> None:
    real = open_counted_images(chain.real)
    assert [len(real.images_of(split)) for split in ("train", "val", "test")] == [4, 2, 2]
    assert all(record.labelled and real.mask(record) is not None for record in real)
    assert chain.said["simulate"] == f"{chain.real}: 8 simulated images\n"


def test_synthesise_like_real_images_takes_over_what_it_measured(chain: Chain) -> None:
    drawings = open_counted_images(chain.drawings)
    cells = int(drawings.counts().sum())
    assert chain.said["synthesise"] == f"{chain.drawings}: 3 drawings, {cells} cells\n"
    measured = json.loads((chain.drawings / "settings.json").read_text())["measured"]
    assert measured["images"] == 4
    assert {record.cell_diameter_px for record in drawings} == {measured["cell_diameter_px"]}


def test_the_same_seed_gives_the_same_drawings(tmp_path: Path) -> None:
    settings = write_yaml(tmp_path / "s.yaml", {"height": 64, "width": 64})
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        command = ("synthesise", tmp_path / name, "--count", 2, "--settings", settings)
        succeed(*command, "--seed", seed)
    assert contents(tmp_path / "a") == contents(tmp_path / "b") != contents(tmp_path / "c")


def test_a_style_is_learnt_from_the_training_split(chain: Chain) -> None:
    assert chain.said["learn"] == f"{chain.style}: the style of 4 images\n"
    assert chain.style.is_file()


def test_stylise_carries_points_over_and_does_nothing_twice(chain: Chain) -> None:
    stylised = open_counted_images(chain.stylised, include_rejected=True)
    assert chain.said["stylise"] == f"{chain.stylised}: 3 stylised images\n"
    drawings = open_counted_images(chain.drawings)
    for record, drawing in zip(stylised, drawings, strict=True):
        assert record.layout == drawing.name
        np.testing.assert_allclose(stylised.points(record), drawings.points(drawing))


def test_screen_prints_one_object_and_marks_every_image(chain: Chain, tmp_path: Path) -> None:
    stylised = shutil.copytree(chain.stylised, tmp_path / "stylised")
    command = ("screen", stylised, "--drawings", chain.drawings, "--workers", 2, "--json")
    found = json.loads(succeed(*command))
    assert list(found)[:7] == ["n", "kept", "yield", "precision", "recall", "f1", "rejects"]
    assert found["n"] == 3
    assert found["yield"] == pytest.approx(found["kept"] / 3)
    assert sum(found["rejects"].values()) == 3 - found["kept"]
    records = list(open_counted_images(stylised, include_rejected=True))
    assert sum(record.kept is True for record in records) == found["kept"]
    assert all(record.kept or record.reject_reason for record in records)


@pytest.fixture(scope="module")
def fitted(fields: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = tmp_path_factory.mktemp("models") / "fitted"
    said = succeed("count", "train", model, "--real", fields, "--method", "dog")
    assert said == f"{model}\n"
    return model


def test_training_ends_with_what_is_known_of_the_error(
    fields: Path, chain: Chain, tmp_path: Path
) -> None:
    measured = ask("count", "train", tmp_path / "m", "--real", fields, "--method", "constant")
    assert "Validation: MAE" in measured.err
    assert "they need 5 validation images" in measured.err

    blind = ask("count", "train", tmp_path / "b", "--real", chain.drawings, "--method", "constant")
    assert "Nothing says how well it counts" in blind.err


def test_a_fitted_counter_says_what_it_has_seen(fitted: Path) -> None:
    record = read_record(fitted)
    assert (record.kind, len(record.training_images)) == ("dog", 3)
    assert record.measured is not None
    assert {"settings.yaml", "model.json", "README.md"} <= contents(fitted).keys()


@pytest.mark.parametrize("extra", [{"settings": "s.yaml"}, {"init": "random"}])
def test_options_that_a_fitted_counter_ignores_are_refused(
    fields: Path, tmp_path: Path, extra: dict[str, str]
) -> None:
    options = [part for name, value in extra.items() for part in (f"--{name}", value)]
    command = ("count", "train", tmp_path / "model", "--real", fields, "--method", "dog")
    assert f"--{next(iter(extra))}" in refuse(*command, *options)
    assert not (tmp_path / "model").exists()


def test_evaluate_prints_one_object_and_a_table(fields: Path, fitted: Path, tmp_path: Path) -> None:
    table = tmp_path / "rows.csv"
    command = ("count", "evaluate", fitted, fields, "--split", "test", "--table", table)
    found = json.loads(succeed(*command, "--json"))
    errors = ["n", "mae", "rmse", "bias", "within_5", "within_10", "mape", "r2", "mae_interval"]
    assert list(found) == [*errors, "f1", "precision", "recall", "game", "by_density"]
    assert found["n"] == sum(each["n"] for each in found["by_density"].values()) == 2
    assert found["game"][0] == pytest.approx(found["mae"])
    assert found["mae_interval"][0] <= found["mae"] <= found["mae_interval"][1]
    assert len(table.read_text().splitlines()) == 3


def test_evaluate_tells_a_person_the_units(fields: Path, fitted: Path) -> None:
    said = succeed("count", "evaluate", fitted, fields, "--split", "test")
    assert re.search(r"MAE +\d+\.\d+ cells \(too few images for an interval\)", said)
    assert re.search(r"within 10 % +\d+\.\d % of the images", said)


def test_evaluate_compares_two_counters_on_the_same_images(fields: Path, fitted: Path) -> None:
    command = ("count", "evaluate", fitted, fields, "--split", "test", "--against", "dog")
    found = json.loads(succeed(*command, "--json"))
    alone = json.loads(succeed("count", "evaluate", "dog", fields, "--split", "test", "--json"))
    other = found["against"]
    assert {name: other[name] for name in alone} == alone
    assert other["model"] == "dog"
    assert other["mae_difference"] == pytest.approx(found["mae"] - alone["mae"])
    lower, upper = other["mae_difference_interval"]
    assert lower <= other["mae_difference"] <= upper
    assert other["interval_excludes_0"] is (lower > 0 or upper < 0)
    assert "these images do not tell which is nearer" in succeed(*command)


def test_evaluate_writes_a_report_that_needs_nothing_else(
    fields: Path, fitted: Path, tmp_path: Path
) -> None:
    report = tmp_path / "out" / "report.html"
    command = ("count", "evaluate", fitted, fields, "--report", report, "--allow-training-images")
    succeed(*command, "--against", "otsu_watershed", "--json")
    page = report.read_text(encoding="utf-8")
    assert "were not refused" in page
    assert "otsu_watershed" in page
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)


def test_a_missing_counter_is_refused_before_the_other_has_counted(
    fields: Path, tmp_path: Path
) -> None:
    command = ("count", "evaluate", "dog", fields, "--against", "nowhere")
    assert "no counter nowhere" in refuse(*command, "--table", tmp_path / "rows.csv")
    assert not (tmp_path / "rows.csv").exists()


def test_images_without_marked_cells_are_left_out_and_it_says_so(
    fields: Path, tmp_path: Path
) -> None:
    shutil.copytree(fields / "images", tmp_path / "some" / "images")
    rows = (fields / "points.csv").read_text().splitlines()
    write_text(tmp_path / "some" / "points.csv", "\n".join(r for r in rows if "_6" not in r) + "\n")
    answer = ask("count", "evaluate", "dog", tmp_path / "some", "--json")
    assert json.loads(answer.out)["n"] == 6
    assert "1 of 7 images were left out" in answer.err


@pytest.mark.parametrize("option", ["--table", "--report"])
def test_a_folder_in_the_place_of_a_file_is_refused_before_anything_is_counted(
    fields: Path, tmp_path: Path, option: str
) -> None:
    assert option in refuse("count", "evaluate", "nowhere", fields, option, tmp_path)


def test_a_counter_without_windows_refuses_one(fields: Path, fitted: Path) -> None:
    assert "has no windows" in refuse("count", "evaluate", fitted, fields, "--window", 64)


def test_a_regressor_takes_the_window_that_is_asked_for(
    fields: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    network = CountRegressor(NucleiEncoder(), pooling="mean", crop=64)
    record = ModelRecord(kind="count_regressor", crop=64, pooling="mean", normalisation="image",
                         intensity={"0": (0.0, 1.0)})  # fmt: skip
    write_network_model(tmp_path / "m", record, network, card="")
    sizes: list[int] = []

    def note(pixels: object, size: int, predict: object) -> float:
        sizes.append(size)
        return 4.0

    monkeypatch.setattr("adaptoscope.counting.counters.count_by_windows", note)
    command = ("count", "evaluate", tmp_path / "m", fields, "--device", "cpu")
    own = json.loads(succeed(*command, "--json"))
    small = json.loads(succeed(*command, "--window", 32, "--json"))
    assert sizes == [64] * 7 + [32] * 7
    # Windows that each say 4 cells of a crop count for the quarter of a crop that they are.
    assert own["bias"] - small["bias"] == pytest.approx(3.0)


@pytest.mark.parametrize("model", ["fitted", "dog"])
def test_evaluate_runs_where_it_is_told(
    fields: Path, fitted: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    places = []

    def load(name: str, *, device: str) -> CountingModel:
        places.append(device)
        return load_counter(name)

    monkeypatch.setattr("adaptoscope.counting.model_folder.load_counter", load)
    chosen = fitted if model == "fitted" else model
    succeed("count", "evaluate", chosen, fields, "--split", "test", "--device", "cpu")
    assert places == ["cpu"]


def test_a_counter_without_centres_has_no_f1(fields: Path, tmp_path: Path) -> None:
    succeed("count", "train", tmp_path / "m", "--real", fields, "--method", "constant")
    found = json.loads(succeed("count", "evaluate", tmp_path / "m", fields, "--split", "test",
                               "--json"))  # fmt: skip
    assert "f1" not in found


def test_evaluating_on_training_images_is_refused_unless_asked_for(
    fields: Path, fitted: Path
) -> None:
    command = ("count", "evaluate", fitted, fields, "--split", "train")
    assert "--split test" in refuse(*command)
    assert "MAE" in succeed(*command, "--allow-training-images")


@pytest.mark.parametrize("model", ["dog", "otsu_watershed", "fitted"])
def test_predict_writes_a_row_for_every_image_and_no_number_for_a_broken_one(
    own_fields: Path, fitted: Path, tmp_path: Path, model: str
) -> None:
    images, table = own_fields / "images", tmp_path / "out" / "counts.csv"
    (images / "field_9.tif").write_bytes((images / "field_0.tif").read_bytes()[:700])
    chosen = fitted if model == "fitted" else model
    command = ("count", "predict", images, "--model", chosen, "--pixel-size-um", 0.5)
    answer = ask(*command, "--out", table, "--json")
    found = json.loads(answer.out)
    assert (answer.code, found["images"], found["failed"]) == (1, 8, 1)
    assert "1 of 8 images failed" in answer.err
    assert "field_9.tif" in answer.err
    assert table.read_text().splitlines()[0] == COUNT_COLUMNS
    *good, broken = list(csv.DictReader(table.open(newline="")))
    assert (broken["image"], broken["count"], broken["lower"]) == ("field_9.tif", "", "")
    assert "field_9.tif" in broken["error"]
    for row in good:
        assert row["error"] == ""
        assert row["model"] == model
        assert float(row["area_mm2"]) == pytest.approx((64 * 0.0005) ** 2)
        assert float(row["per_mm2"]) == pytest.approx(
            float(row["count"]) / float(row["area_mm2"]), rel=1e-3
        )


def test_predict_writes_what_people_look_at(fields: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    wanted = ("--points", out / "points", "--overlays", out / "overlays", "--plot", out / "p.png")
    command = ("count", "predict", fields / "images", "--model", "dog", "--out", out / "counts.csv",
               "--diameter", 10, "--pixel-size-um", 0.5)  # fmt: skip
    said = succeed(*command, *wanted)
    assert "images         7 (0 failed, 0 flagged)" in said
    assert "cell diameter  10 pixels (median)" in said
    assert "cells per mm2" in said
    names = {f"field_{number}.png" for number in range(7)}
    assert {file.name for file in (out / "overlays").iterdir()} == names
    assert (out / "points" / "points.csv").read_text().startswith("image,x,y\n")
    before = contents(out)
    assert "--overwrite" in refuse(*command, *wanted)
    assert "--overwrite" in refuse(*command)
    assert contents(out) == before
    succeed(*command, *wanted, "--overwrite")


def test_predict_says_what_it_left_out(fields: Path, tmp_path: Path) -> None:
    images = Path(shutil.copytree(fields / "images", tmp_path / "in"))
    (images / "notes.txt").write_text("x")
    (images / "more").mkdir()
    (images / "photo.jpg").write_bytes(b"x")
    answer = ask("count", "predict", images, "--model", "dog", "--out", tmp_path / "counts.csv")
    assert answer.code == 1
    assert "1 file(s) that are no images; 1 sub-folder(s), which are not entered" in answer.err
    assert "photo.jpg is of a kind that is not read" in answer.err


def test_predict_uses_the_bundled_nuclei_counter_by_default(fields: Path, tmp_path: Path) -> None:
    succeed("count", "predict", fields / "images", "--out", tmp_path / "counts.csv")
    rows = list(csv.DictReader((tmp_path / "counts.csv").open(newline="")))
    assert {row["model"] for row in rows} == {"nuclei"}


def test_a_stack_needs_the_choice_of_a_plane(tmp_path: Path) -> None:
    stack = np.zeros((2, 64, 64), np.uint8)
    stack[1, 28:38, 28:38] = 200
    tifffile.imwrite(tmp_path / "stack.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    command = ("count", "predict", tmp_path / "stack.tif", "--out", tmp_path / "counts.csv",
               "--model", "dog", "--overwrite")  # fmt: skip
    assert json.loads(ask(*command, "--json").out)["failed"] == 1
    assert json.loads(succeed(*command, "--z", "max", "--json"))["failed"] == 0
    assert "--z" in refuse(*command, "--z", "middle")


def test_images_above_max_pixels_are_refused_where_they_are_needed_whole(tmp_path: Path) -> None:
    pixels = np.zeros((64, 64), np.uint8)
    pixels[28:38, 28:38] = 200
    tifffile.imwrite(tmp_path / "tiled.tif", pixels, tile=(16, 16))
    write_image(tmp_path / "plain.png", pixels / 255)
    command = ("count", "predict", "--model", "dog", "--out", tmp_path / "counts.csv",
               "--overwrite", "--max-pixels")  # fmt: skip
    for name, remedy in (("tiled.tif", "--model nuclei"), ("plain.png", "a tiled TIFF")):
        answer = ask(*command, 4095, tmp_path / name)
        assert answer.code == 1
        assert remedy in answer.err
        succeed(*command, 4096, tmp_path / name)


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """IDCIA's own layout: one image with two cells."""
    source, stem = tmp_path / "release", "220909_GFP-AHPC_A_GFAP_F10_DAPI_ND1_20x"
    pixels = np.random.default_rng(0).uniform(0, 1, (64, 64))
    write_image(source / "images" / "DAPI" / f"{stem}.tiff", pixels)
    rows = " ,Area,X,Y\n1,10,3.5,2.5\n2,9,8,1\n"
    write_text(source / "ground_truth" / "DAPI" / f"{stem}.csv", rows)
    return source


def test_convert_turns_a_release_into_a_counted_folder(release: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = f"{out}: 1 images (idcia, found by itself), 1 labelled with 2 cells\n"
    assert succeed("convert", release, out) == said
    opened = open_counted_images(out)
    assert opened.points(opened.records[0]).tolist() == [[2.0, 3.0], [0.5, 7.5]]


def test_convert_swaps_the_axes_of_a_folder(chain: Chain, tmp_path: Path) -> None:
    table = (chain.real / "points.csv").read_text()
    swapped = Path(shutil.copytree(chain.real, tmp_path / "swapped"))
    write_text(swapped / "points.csv", table.replace("image,x,y", "image,y,x"))
    out = tmp_path / "out"
    error = refuse("count", "evaluate", "dog", swapped)
    assert "with x and y exchanged they lie on cells" in error
    assert "--layout folder --swap-axes" in error
    assert "with x and y exchanged they lie on cells" in refuse("convert", swapped, out)
    succeed("convert", swapped, out, "--layout", "folder", "--swap-axes")
    assert json.loads(succeed("count", "evaluate", "dog", out, "--json"))["n"] == 8
    assert "--stain" in refuse("convert", chain.real, out, "--layout", "folder", "--stain", "DAPI")
    assert "--swap-axes" in refuse("convert", chain.real, out, "--layout", "idcia", "--swap-axes")


def test_convert_knows_cell_200_by_its_file(tmp_path: Path) -> None:
    counts = np.repeat(np.arange(1, 201), 2)
    with h5py.File(tmp_path / "cell200.h5", "w") as file:
        file["IMGs_grey"] = np.zeros((len(counts), 1, 8, 8), np.uint8)
        file["CellCounts"] = counts
    out = tmp_path / "out"
    command = ("convert", tmp_path / "cell200.h5", out)
    assert "too few images" in refuse(*command)
    said = succeed(*command, "--per-class", 5, "--seed", 3)
    assert said.startswith(f"{out}: 20 images (cell200, found by itself), 0 labelled with 0 cells")
    assert "20 counted without centres" in said
    assert sum(record.split == "train" for record in open_counted_images(out)) == 16
    assert "--stain" in refuse(*command, "--stain", "DAPI")
    assert "--seed" in refuse("convert", out, tmp_path / "again", "--seed", 3)


def test_convert_goes_on_once_a_broken_image_is_replaced(release: Path, tmp_path: Path) -> None:
    out, first = tmp_path / "out", next((release / "images" / "DAPI").iterdir())
    second = first.with_name(first.name.replace("F10", "F11"))
    second.write_bytes(first.read_bytes()[:3000])
    assert second.name in refuse("convert", release, out)
    assert not (out / "metadata.csv").exists()
    assert "not finished" in refuse("style", "learn", tmp_path / "s.safetensors", "--images", out)
    shutil.copy(first, second)
    succeed("convert", release, out)
    assert len(open_counted_images(out)) == 2


@pytest.fixture(scope="module")
def experiment() -> dict[str, object]:
    """Simulated images and two counters that need no training."""
    shares = {"train": 0.5, "val": 0.25, "test": 0.25}
    return {
        "name": "tiny",
        "title": "Two simple counters",
        "real": {"kind": "simulated", "images": 8, "fractions": shares, "simulation": SIMULATION},
        "rows": [{"name": "Constant", "method": "constant"}, {"name": "DoG", "method": "dog"}],
    }


class Finished(NamedTuple):
    """A finished run: its settings, its folder and what it printed."""

    settings: Path
    out: Path
    said: str


@pytest.fixture(scope="module")
def finished(experiment: dict[str, object], tmp_path_factory: pytest.TempPathFactory) -> Finished:
    home = tmp_path_factory.mktemp("finished")
    settings = write_yaml(home / "tiny.yaml", experiment)
    said = succeed("run", settings, "--out", home / "run", "--device", "cpu", "--json")
    return Finished(settings, home / "run", said)


def test_run_prints_one_object_and_leaves_a_report(finished: Finished) -> None:
    found = json.loads(finished.said)
    assert found["report"] == str(finished.out / "report.html")
    assert [row["name"] for row in found["rows"]] == ["Constant", "DoG"]
    assert all(row["n"] == 2 and len(row["mae_interval"]) == 2 for row in found["rows"])
    assert "Two simple counters" in (finished.out / "report.html").read_text("utf-8")


def test_run_with_other_settings_begins_anew_only_when_asked(
    experiment: dict[str, object], finished: Finished, tmp_path: Path
) -> None:
    out = shutil.copytree(finished.out, tmp_path / "run")
    before = contents(out)
    real = {**experiment["real"], "seed": 7}  # type: ignore[dict-item]
    other = write_yaml(tmp_path / "other.yaml", {**experiment, "real": real})
    assert "--overwrite" in refuse("run", other, "--out", out)
    assert contents(out) == before
    succeed("run", other, "--out", out, "--overwrite")
    after = contents(out)
    for made_anew in ("real/images/field_00000.png", "counts/dog.csv", "models/dog/model.json"):
        assert after[made_anew] != before[made_anew], made_anew


def test_doctor_prints_one_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ADAPTOSCOPE_DATA", raising=False)
    found = json.loads(succeed("doctor", "--json"))
    keys = ["adaptoscope", "machine", "use", "train", "formats", "web", "weights", "data", "advice"]
    assert list(found) == keys
    assert any("ADAPTOSCOPE_DATA" in line for line in found["advice"])


def test_without_a_sub_command_the_commands_are_listed() -> None:
    answer = ask("count")
    assert "evaluate" in answer.out + answer.err


def test_settings_beside_synthetic_images_may_say_how_long(chain: Chain, tmp_path: Path) -> None:
    settings = write_yaml(
        tmp_path / "s.yaml", {"steps": 1, "pretrain_steps": 2, "batch": 2, "crop": 32}
    )
    model = tmp_path / "model"
    options = (
        *("--head", "regressor", "--settings", settings),
        *("--init", "random", "--device", "cpu"),
    )
    sets = ("--real", chain.real, "--synthetic", chain.drawings)
    succeed("count", "train", model, *sets, *options)
    assert read_record(model).regime == "fine_tuned"
    card = (model / "README.md").read_text("utf-8")
    assert "3 synthetic images (2 steps), then 4 images from real (1 steps)" in card
    told = refuse("count", "train", tmp_path / "other", "--real", chain.real, *options)
    assert "pretrain_steps is only for regime fine_tuned" in told
    assert "Value error" not in told


def test_unlabelled_images_choose_the_weights(chain: Chain, tmp_path: Path) -> None:
    settings = write_yaml(tmp_path / "s.yaml", {"steps": 2, "batch": 2, "crop": 64, "log_every": 1})
    model = tmp_path / "model"
    options = ("--settings", settings, "--init", "random", "--device", "cpu")
    sets = ("--real", chain.drawings, "--unlabelled", chain.real)
    succeed("count", "train", model, *sets, *options)
    assert "checkpoint: steadiest" in (model / "settings.yaml").read_text("utf-8")
    assert "disagreement" in (model / "metrics.csv").read_text("utf-8")
    fitted = refuse("count", "train", tmp_path / "d", *sets, "--head", "dog")
    assert "no use for --unlabelled" in fitted
    last = write_yaml(tmp_path / "last.yaml", {"checkpoint": "last"})
    unread = refuse("count", "train", tmp_path / "l", *sets, "--settings", last)
    assert "set checkpoint to steadiest" in unread


def test_an_error_of_folds_too_few_for_intervals_is_not_called_validation(tmp_path: Path) -> None:
    few = write_fields(tmp_path / "few", "train train train test")
    settings = write_yaml(tmp_path / "s.yaml", {"steps": 1, "batch": 2, "crop": 64})
    options = ("--settings", settings, "--init", "random", "--device", "cpu", "--folds", 3)
    answer = ask("count", "train", tmp_path / "m", "--real", few, *options)
    assert "Cross-validation: MAE" in answer.err
    assert "they need 5 labelled images" in answer.err
    assert "alidation images" not in answer.err


def adapting(verdict: Verdict, seen: list[AdaptSettings]) -> Callable[..., object]:
    """Stand in for adaptation, which takes minutes: answer with a verdict at once."""

    def answer(
        model: str, _: object, out: Path, settings: AdaptSettings, **__: object
    ) -> tuple[CountingModel, Verdict]:
        seen.append(settings)
        return dataclasses.replace(load_counter(model), name=f"{model}, adapted"), verdict

    return answer


def test_counting_says_what_came_of_adapting_and_names_the_counter(
    chain: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[AdaptSettings] = []
    verdict = Verdict(True, 0.2, (0.1, 0.12), 0.1, (0.1, 0.1), 0.02, 0.3, 0)
    monkeypatch.setattr(
        "adaptoscope.pipeline.counter_adaptation.adapt_counter", adapting(verdict, seen)
    )
    monkeypatch.setattr(
        "adaptoscope.pipeline.counter_adaptation.adapted_counter",
        lambda before, *_: dataclasses.replace(before, name=f"{before.name}, adapted"),
    )
    images, out = chain.real / "images", tmp_path / "counts.csv"
    options = ("--out", out, "--adapt", tmp_path / "adapted", "--diameter", "14", "--json")
    found = json.loads(succeed("count", "predict", images, *options))
    assert found["adaptation"]["kept"] is True
    assert found["adaptation"]["after"] == [0.1, 0.12]
    assert seen[0].cell_diameter_px == 14
    assert "nuclei, adapted" in out.read_text("utf-8")
    told = refuse("count", "predict", images, *options)
    assert "--overwrite" in told
    assert len(seen) == 1


def test_adapting_needs_a_folder_and_a_density(chain: Chain, tmp_path: Path) -> None:
    one = next((chain.real / "images").iterdir())
    options = ("--out", tmp_path / "counts.csv", "--adapt", tmp_path / "adapted")
    assert "folder of images" in refuse("count", "predict", one, *options)
    told = refuse("count", "predict", chain.real, *options, "--model", "dog")
    assert "The counter dog cannot be adapted" in told
    assert not (tmp_path / "counts.csv").exists()
