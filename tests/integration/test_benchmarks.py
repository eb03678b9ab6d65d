"""Benchmarks run, and print what they promise and what the run folders hold."""

import csv
import importlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.pipeline.rows import NAMES
from adaptoscope.simulation.settings import SimulationSettings
from adaptoscope.simulation.write import simulate
from tests.integration.conftest import CANVAS, nothing_is_computed

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PROMISED = {"figure", "reference", "ratio", "machine"}
TRAINED = {"method": "regressor", "init": "random", "real_labels": False}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [
        (
            "stylisation_speed.py",
            "--batch 1 --side 64 --repeats 1 --evaluations 1 --device cpu --no-stable-diffusion",
        ),
        ("layer_matching_cost.py", "--layers 3 --width 2 --batch 1 --repeats 1"),
        ("synthesis_speed.py", "--images 2 --repeats 1"),
        ("transmitted_speed.py", "--fields 2 --repeats 1"),
    ],
)
def test_a_benchmark_prints_a_ratio_against_its_reference(name: str, options: str) -> None:
    command = [sys.executable, str(BENCHMARKS / name), "--json", *options.split()]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    found = json.loads(printed.stdout)
    assert found["figure"] > 0
    assert found["reference"] > 0
    assert found["ratio"] > 1
    assert found["machine"]


@pytest.mark.slow
def test_the_benchmark_of_counting_measures_time_and_memory() -> None:
    options = "--images 3 --repeats 2 --size 1024 --threads 1"
    command = [sys.executable, str(BENCHMARKS / "counting_speed.py"), "--json", *options.split()]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    found = json.loads(printed.stdout)
    assert set(found) >= PROMISED
    assert found["ratio"] == pytest.approx(found["reference"] / found["figure"])
    row = found["table"]["tiled TIFF 1024 x 1024"]
    assert row["cells"] > 100
    assert 0.1 < row["peak_gb"] < found["limit_gb"]


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a benchmark in this process and return what it prints as JSON."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))

    def run(name: str, *options: object) -> dict[str, Any]:
        capsys.readouterr()
        words = [name, "--json", "--device", "cpu", *map(str, options)]
        monkeypatch.setattr(sys, "argv", words)
        importlib.import_module(name).main()
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert set(found) >= PROMISED
        return found

    return run


@pytest.fixture(scope="module")
def study(tiny_experiment: dict[str, object], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The settings file of a study on the bundled backbone, with a variant for each sampler."""
    values = {
        "kind": "style_study",
        **tiny_experiment,
        "style": {"backbone": "compact", "limit": 1},
        "layouts": [{"name": "alike", "images": 4, "settings": CANVAS}],
        "variants": [
            {"name": "Default"},
            {"name": "AdaIN only", "changes": {"inversion": "none"}},
            {"name": "Fewer", "changes": {"sampler": "dpm_solver", "steps": 20}},
        ],
        "realism": {"tile": 32, "resamples": 8},
    }
    path = tmp_path_factory.mktemp("study") / "tiny.yaml"
    path.write_text(yaml.safe_dump(values), "utf-8")
    return path


@pytest.fixture(scope="module")
def counting(
    tiny_experiment: dict[str, object],
    all_pass: dict[str, float],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The settings file of a counting experiment without real labels."""
    values = {
        **tiny_experiment,
        "drawings": {"images": 4, "settings": CANVAS},
        "screening": all_pass,
        "looks": {"tile": 32, "resamples": 8, "halvings": 1},
        "counting": {"crop": 64, "batch": 2, "steps": 2},
        "rows": [
            {"name": "Spots", "method": "dog"},
            {"name": "Drawn", "synthetic": "drawings", **TRAINED},
            {"name": "Plain", "synthetic": "adain", **TRAINED},
            {"name": "Ours", "synthetic": "stylised", **TRAINED},
        ],
    }
    path = tmp_path_factory.mktemp("counting") / "tiny.yaml"
    path.write_text(yaml.safe_dump(values), "utf-8")
    return path


def finished(settings: Path) -> Path:
    return settings.with_name("run")


def results_of(settings: Path, name: str = "results") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((finished(settings) / f"{name}.json").read_text("utf-8"))
    return found


def of_run(settings: Path) -> tuple[object, ...]:
    return "--experiment", settings, "--run", finished(settings)


def test_structure_is_that_of_the_study_which_is_run_once(
    benchmark: Any, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = benchmark("structure", *of_run(study))
    rows = {row["variant"]: row for row in results_of(study)["rows"]}
    judged = rows["Default"]["structure"]
    assert found["figure"] == judged["f1"]
    assert found["reference"] == judged["f1_drawings"]
    assert found["ratio"] == pytest.approx(found["figure"] / found["reference"])
    assert found["yield"] == rows["Default"]["yield"]
    assert set(found["table"]) == set(rows)
    monkeypatch.setattr("finished_runs.run", nothing_is_computed)
    other = benchmark("structure", *of_run(study), "--variant", "Fewer")
    assert other["figure"] == rows["Fewer"]["structure"]["f1"]


def test_realism_is_compared_with_drawings_and_with_adain(benchmark: Any, study: Path) -> None:
    found = benchmark("realism", *of_run(study), "--measure", "spectrum")
    made = {row["name"]: row for row in results_of(study)["realism"]["alike"]["sets"]}
    ours, drawings = (made[name]["spectrum"]["total"] for name in ("Default", NAMES["drawings"]))
    assert (found["figure"], found["reference"]) == (ours, drawings)
    assert found["ratio"] == pytest.approx(ours / drawings)
    plain = found["table"]["KID of tiles, against AdaIN alone"]
    assert plain["reference"] == made["AdaIN only"]["kid"]["value"]
    assert plain["interval"][0] <= plain["interval"][1]


def test_usefulness_is_compared_with_a_detector_and_with_drawings(
    benchmark: Any, counting: Path
) -> None:
    found = benchmark("usefulness", *of_run(counting))
    rows = {row["name"]: row for row in results_of(counting)["rows"]}
    assert (found["figure"], found["reference"]) == (rows["Ours"]["mae"], rows["Spots"]["mae"])
    table = found["table"]
    assert table["MAE, against drawings"]["reference"] == rows["Drawn"]["mae"]
    assert table["MAE, against AdaIN alone"]["reference"] == rows["Plain"]["mae"]
    other = benchmark("usefulness", *of_run(counting), "--against", "drawings", "--row", "Plain")
    assert (other["figure"], other["reference"]) == (rows["Plain"]["mae"], rows["Drawn"]["mae"])
    assert other["labels"] == 0


def test_looks_of_a_counting_experiment_serve_too(benchmark: Any, counting: Path) -> None:
    structure = benchmark("structure", *of_run(counting))
    looks = results_of(counting, "looks")
    assert structure["figure"] == looks["structure"][NAMES["stylised"]]["f1"]
    screened = results_of(counting)["screening"]
    assert structure["yield"] == screened["stylised"]["yield"]
    realism = benchmark("realism", *of_run(counting), "--measure", "spectrum")
    sets = {row["name"]: row["spectrum"]["total"] for row in looks["realism"]["sets"]}
    assert realism["figure"] == sets[NAMES["stylised"]]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("structure", ("--variant", "No such")),
        ("realism", ("--layout", "No such")),
        ("usefulness", ()),
    ],
)
def test_a_run_without_the_figure_is_refused(
    benchmark: Any, study: Path, name: str, options: tuple[str, ...]
) -> None:
    with pytest.raises(SystemExit) as caught:
        benchmark(name, *of_run(study), *options)
    assert "expected:" in str(caught.value.code)


def test_no_ratio_is_made_of_an_estimate_that_is_not_above_zero(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    runs = importlib.import_module("finished_runs")
    assert runs.ratio(2.0, 4.0) == 0.5
    assert runs.ratio(2.0, 0.0) is None
    assert runs.ratio(2.0, -1.0) is None


@pytest.fixture
def speed(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark of speed with shrunken networks in the place of Stable Diffusion's size."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    module = importlib.import_module("stylisation_speed")
    sizes = importlib.import_module("stable_diffusion_size").NetworkSizes
    widths = (8, 8, 8, 8)
    small = sizes(widths, widths, width=64, text_layers=2, heads=2, groups=4)
    monkeypatch.setattr(module, "SIZES", small)
    return module


SHORT = ("--batch", 1, "--side", 64, "--repeats", 1, "--evaluations", 1)


def test_both_backbones_are_timed_with_what_fewer_evaluations_cost(
    benchmark: Any, speed: ModuleType, study: Path
) -> None:
    benchmark("structure", *of_run(study))
    found = benchmark("stylisation_speed", *SHORT, "--structure", finished(study))
    rows = {row["variant"]: row for row in results_of(study)["rows"]}
    table = found["table"]
    assert list(found["devices"]) == ["cpu"]
    assert found["ratio"] == pytest.approx(found["reference"] / found["figure"])
    fewer = table["cpu, compact, DPM-Solver++, 20 steps"]
    lost = rows["Default"]["structure"]["f1"] - rows["Fewer"]["structure"]["f1"]
    assert fewer["f1_lost"] == pytest.approx(lost)
    assert fewer["kid_more"] == pytest.approx(rows["Fewer"]["kid"] - rows["Default"]["kid"])
    assert table[f"cpu, compact, {speed.DEFAULT}"]["f1_lost"] == 0
    large = table[f"cpu, {speed.LARGE.name}, {speed.DEFAULT}"]
    assert large["sample"] == pytest.approx(35 * large["invert"])
    assert "f1_lost" not in large
    assert table[f"cpu, {speed.LARGE.name}, 1000 token steps"]["total"] > 0


def test_a_token_step_goes_through_the_text_tower(speed: ModuleType) -> None:
    steps = importlib.import_module("step_timing")
    large = speed.LARGE.opened(speed.torch.device("cpu"), speed.torch.float32)
    read, returned = [], []
    large.prompt.register_forward_hook(lambda *_: read.append(1))
    states = large.prompt.text_tower
    layer = getattr(states, "text_model", states).encoder.layers[0]
    layer.register_full_backward_hook(lambda *_: returned.append(1))
    steps.token_step_seconds(large, 4, speed.TOKENS, 64, repeats=2)
    assert len(read) == len(returned) == 3


def test_a_study_of_another_backbone_says_nothing_of_this_one(
    benchmark: Any, speed: ModuleType, counting: Path
) -> None:
    benchmark("usefulness", *of_run(counting))
    with pytest.raises(SystemExit, match="backbone compact"):
        benchmark("stylisation_speed", *SHORT, "--structure", finished(counting))


@pytest.fixture(scope="module")
def plates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders: nuclei of six fields in three groups, and the same fields in two stains."""
    folder = tmp_path_factory.mktemp("plates")
    settings = SimulationSettings(height=128, width=128, cell_diameter_px=12.0)
    for name, seed in (("nuclei", 1), ("stains", 2)):
        simulate(folder / name, settings, count=6, seed=seed)
        path = folder / name / "metadata.csv"
        with path.open(newline="") as stream:
            rows = list(csv.DictReader(stream))
        for number, row in enumerate(rows):
            row["group"] = "abc"[number % 3]
            row["split"] = ("train" if number < 3 else "test") if name == "nuclei" else ""
            row["channel"] = "" if name == "nuclei" else ("GFAP", "TuJ1")[number % 2]
        with path.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    names = [row["file_name"] for row in rows]
    pairs = ["input,target", *(f"../nuclei/{name},{name}" for name in names)]
    (folder / "stains" / "pairs.csv").write_text("\n".join(pairs) + "\n")
    return folder


def test_errors_by_stain_tell_fields_of_the_test_split_apart(benchmark: Any, plates: Path) -> None:
    found = benchmark("shift_by_stain", plates / "stains", "--fields", plates / "nuclei")
    images = {name: row["images"] for name, row in found["table"].items()}
    assert images == {
        "GFAP, fields of the test split": 1,
        "GFAP, other fields": 2,
        "TuJ1, fields of the test split": 2,
        "TuJ1, other fields": 1,
    }
    means = [row["figure"] * row["images"] for row in found["table"].values()]
    assert found["figure"] == pytest.approx(sum(means) / 6)
    assert found["ratio"] == pytest.approx(found["reference"] / found["figure"])


def test_clusters_left_out_are_counted_by_counters_that_never_saw_them(
    benchmark: Any, plates: Path, tmp_path: Path
) -> None:
    options = ("--images", plates / "nuclei", "--rounds", 2, "--steps", 1, "--batch", 1)
    found = benchmark("left_out_clusters", tmp_path / "out", *options)
    assert sorted(group for part in found["rounds"] for group in part) == ["a", "b", "c"]
    assert found["images"] == 3
    assert {name: row["images"] for name, row in found["table"].items()} == dict.fromkeys(
        ("cluster a", "cluster b", "cluster c"), 1
    )
    records = open_counted_images(plates / "nuclei").images_of("train")
    groups = {record.file_name: record.group for record in records}
    learnt = {
        place.name: json.loads((place / "model.json").read_text())["training_images"].values()
        for place in (tmp_path / "out").iterdir()
    }
    assert {groups[name] for name in learnt.pop("all")} == set("abc")
    assert len(learnt) == len(found["rounds"]) == 2
    for number, left_out in enumerate(found["rounds"], start=1):
        seen = {groups[name] for name in learnt[f"round_{number}"]}
        assert seen == set("abc") - set(left_out)


def test_an_image_in_no_cluster_is_refused_in_words(
    plates: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(plates / "nuclei", tmp_path / "nuclei")
    path = tmp_path / "nuclei" / "metadata.csv"
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    rows[4]["group"] = ""
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    words = ("left_out_clusters", tmp_path / "out", "--images", tmp_path / "nuclei")
    monkeypatch.setattr(sys, "argv", [str(word) for word in words])
    assert importlib.import_module("left_out_clusters").main() == 2
    said = capsys.readouterr().err
    assert Path(rows[4]["file_name"]).name in said
    assert "remedy" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_adaptation_is_measured_before_after_and_as_the_rule_has_it(
    benchmark: Any, tmp_path: Path
) -> None:
    options = ("--only", "much debris", "--steps", 1, "--drawings", 4)
    found = benchmark("adaptation", tmp_path / "out", *options)
    row = found["table"]["much debris"]
    assert row["images"] == 24
    assert row["figure"] == (row["adapted"] if row["kept"] else row["reference"])
    assert found["figure"] == row["figure"]
    assert row["reference"] > 0


def test_every_counter_is_compared_on_test_images_and_the_page_says_what_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    module = importlib.import_module("how_it_compares")
    settings = SimulationSettings(height=128, width=128, cell_diameter_px=14.0)
    simulate(tmp_path / "cells", settings, count=4, fractions={"train": 0.5, "test": 0.5})
    monkeypatch.setattr(module, "OURS", ("nuclei", "voronoi_otsu"))
    monkeypatch.setattr(module, "is_installed", lambda program: False)
    page = tmp_path / "page.md"
    words = ["how_it_compares", str(tmp_path / "cells"), "--write", str(page), "--json"]
    monkeypatch.setattr(sys, "argv", words)

    assert module.main() == 0

    found = json.loads(capsys.readouterr().out)
    assert set(found) >= PROMISED
    assert found["table"]["nuclei, seconds"]["value"] > 0
    written = page.read_text("utf-8")
    assert "| Counter | cells (2) |" in written
    assert "| StarDist | not measured |" in written
    assert "| minus `nuclei` |" in written


def test_conventions_are_compared_on_one_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    settings = SimulationSettings(height=128, width=128, cell_diameter_px=14.0)
    simulate(tmp_path / "cells", settings, count=4, fractions={"train": 1.0})
    words = ["conventions", str(tmp_path / "cells"), "--splits", "train", "--draws", "2", "--json"]
    monkeypatch.setattr(sys, "argv", words)

    assert importlib.import_module("conventions").main() == 0

    found = json.loads(capsys.readouterr().out)
    assert set(found) >= PROMISED
    assert found["table"]["cells"]["images"] == 4
