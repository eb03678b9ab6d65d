import json
from pathlib import Path

import pytest
import torch

from adaptoscope.errors import OutputError
from adaptoscope.training.run_folder import RunFolder
from adaptoscope.training.settings import Settings


class Some(Settings):
    steps: int = 3


def test_a_run_goes_on_only_with_equal_settings(tmp_path: Path) -> None:
    run = RunFolder.open(tmp_path / "run", Some())
    run.append_metrics(0, {"loss": 1.0})
    again = RunFolder.open(tmp_path / "run", Some())
    assert again.metrics.read_text() == "step,loss\n0,1\n"
    with pytest.raises(OutputError, match="other settings") as caught:
        RunFolder.open(tmp_path / "run", Some(steps=4))
    assert "--overwrite" in caught.value.remedy
    assert caught.value.found == "steps: 3 before, 4 now"
    assert "steps: 3" in (tmp_path / "run" / "settings.yaml").read_text()


def test_overwriting_discards_the_old_numbers(tmp_path: Path) -> None:
    RunFolder.open(tmp_path / "run", Some()).append_metrics(0, {"loss": 1.0})
    run = RunFolder.open(tmp_path / "run", Some(steps=4), overwrite=True)
    assert not run.metrics.exists()


@pytest.mark.parametrize("steps", [3, 4], ids=["same", "other"])
def test_overwriting_begins_anew_and_discards_the_named_parts_only(
    tmp_path: Path, steps: int
) -> None:
    run = RunFolder.open(tmp_path / "run", Some())
    run.checkpoint.parent.mkdir()
    for place in (run.checkpoint, run.path / "model.json", run.path / "mine.txt"):
        place.write_text("old")
    (run.path / "drawings").mkdir()
    parts = ("model.json", "drawings", "absent")
    RunFolder.open(run.path, Some(), parts=parts)
    assert run.checkpoint.exists()
    RunFolder.open(run.path, Some(steps=steps), overwrite=True, parts=parts)
    left = sorted(entry.name for entry in run.path.iterdir())
    assert left == ["checkpoints", "environment.json", "mine.txt", "settings.yaml"]
    assert not run.checkpoint.exists()


def test_the_checkpoint_of_a_finished_run_is_removed_and_nothing_else(tmp_path: Path) -> None:
    run = RunFolder.open(tmp_path / "run", Some())
    run.drop_checkpoint()
    run.checkpoint.parent.mkdir()
    run.checkpoint.write_text("old")
    mine = run.checkpoint.parent / "mine.pt"
    mine.write_text("mine")
    run.drop_checkpoint()
    assert [path.name for path in run.checkpoint.parent.iterdir()] == ["mine.pt"]
    mine.unlink()
    run.drop_checkpoint()
    assert not run.checkpoint.parent.exists()


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "model.json").write_text("precious")
    with pytest.raises(OutputError, match="and no run") as caught:
        RunFolder.open(tmp_path, Some(), overwrite=overwrite, parts=("model.json",))
    assert "--overwrite" not in caught.value.remedy
    assert [file.name for file in tmp_path.iterdir()] == ["model.json"]
    with pytest.raises(OutputError, match="and no run"):
        RunFolder.open(tmp_path / "model.json", Some(), overwrite=overwrite)


def test_leftovers_of_killed_writers_are_removed(tmp_path: Path) -> None:
    leftover = f".partial-{'0' * 32}.yaml"
    (tmp_path / leftover).write_text("half")
    run = RunFolder.open(tmp_path, Some())
    for folder in (run.path, run.checkpoint.parent):
        folder.mkdir(exist_ok=True)
        (folder / leftover).write_text("half")
    RunFolder.open(tmp_path, Some())
    assert not list(tmp_path.rglob(".partial-*"))


def test_rows_after_the_checkpoint_are_dropped(tmp_path: Path) -> None:
    run = RunFolder.open(tmp_path / "run", Some())
    for step in range(4):
        run.append_metrics(step, {"loss": step / 3})
    run.keep_metrics_before(2)
    assert run.metrics.read_text().splitlines() == ["step,loss", "0,0", "1,0.333333"]


def test_every_row_has_the_columns_of_the_first(tmp_path: Path) -> None:
    run = RunFolder.open(tmp_path / "run", Some())
    run.append_metrics(0, {"loss": 1.0, "margin": None})
    run.append_metrics(1, {"margin": float("nan"), "loss": 2.0})
    run.append_metrics(2, {"loss": 3.0})
    rows = "step,loss,margin\n0,1,\n1,2,nan\n2,3,\n"
    assert run.metrics.read_text() == rows
    with pytest.raises(ValueError, match="no column deceit"):
        run.append_metrics(3, {"loss": 1.0, "deceit": 0.5})
    assert run.metrics.read_text() == rows


def test_a_run_goes_on_only_with_the_same_images(tmp_path: Path) -> None:
    run = RunFolder.open(tmp_path / "run", Some())
    run.keep_inputs(["b", "a", "a"])
    run.keep_inputs(["a", "b"])
    with pytest.raises(OutputError, match="other images"):
        run.keep_inputs(["a", "c"])
    RunFolder.open(tmp_path / "run", Some(), overwrite=True).keep_inputs(["c"])


def test_a_run_goes_on_only_with_the_same_named_inputs(tmp_path: Path) -> None:
    run = RunFolder.open(tmp_path / "run", Some())
    begun = {"test image a.tif": "1", "encoder mine": "2", "train image b.tif": "3"}
    run.keep_named_inputs(begun)
    run.keep_named_inputs(dict(reversed(begun.items())))
    before = (run.path / "inputs.json").read_bytes()
    now = {**begun, "encoder mine": "4", "new.tif": "5"}
    del now["train image b.tif"]
    with pytest.raises(OutputError, match="have changed since it was begun") as caught:
        run.keep_named_inputs(now)
    assert caught.value.found == "changed: encoder mine; new: new.tif; gone: train image b.tif"
    assert "--overwrite" in caught.value.remedy
    assert (run.path / "inputs.json").read_bytes() == before
    RunFolder.open(run.path, Some(), overwrite=True).keep_named_inputs(now)


def test_many_changed_inputs_are_counted(tmp_path: Path) -> None:
    run = RunFolder.open(tmp_path / "run", Some())
    run.keep_named_inputs({f"image {number}": "old" for number in range(9)})
    with pytest.raises(OutputError) as caught:
        run.keep_named_inputs({f"image {number}": "new" for number in range(9)})
    assert caught.value.found == "changed: image 0, image 1, image 2 and 6 more"


def test_opening_a_run_again_keeps_the_machine_it_was_made_with(tmp_path: Path) -> None:
    run = RunFolder.open(tmp_path / "run", Some())
    elsewhere = json.dumps({"cpus": 999, "device": "cuda:7"})
    (run.path / "environment.json").write_text(elsewhere)
    RunFolder.open(run.path, Some())
    assert (run.path / "environment.json").read_text() == elsewhere
    RunFolder.open(run.path, Some(), overwrite=True)
    anew = json.loads((run.path / "environment.json").read_text())
    assert anew["device"] is None
    assert anew["cpus"] < 999


def test_machine_and_clock_stand_only_in_their_own_files(tmp_path: Path) -> None:
    run = RunFolder.open(tmp_path / "run", Some())
    run.record_timing("learn", 1.234)
    assert (run.path / "timings.csv").read_text() == "stage,seconds\nlearn,1.23\n"
    run.record_environment("cuda:0")
    RunFolder.open(run.path, Some())
    found = json.loads((run.path / "environment.json").read_text())
    assert found["device"] == "cuda:0"
    assert found["cpus"] >= 1
    assert found["torch_threads"] == torch.get_num_threads()
    assert (run.path / "settings.yaml").read_text() == "steps: 3\n"
