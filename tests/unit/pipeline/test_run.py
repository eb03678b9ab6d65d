from pathlib import Path

import numpy as np
import pytest

from adaptoscope.errors import InputError, OutputError, SettingsError
from adaptoscope.imageio.files import write_image, write_text
from adaptoscope.pipeline.run import run
from adaptoscope.pipeline.settings import ExperimentSettings
from adaptoscope.training.settings import settings_from

SIDE = 96
CENTRES = [(row, column) for row in (24, 60) for column in (24, 60)]


def set_without_splits(folder: Path) -> Path:
    rows, columns = np.indices((SIDE, SIDE))
    table = ["image,x,y"]
    for number in range(2):
        pixels = np.random.default_rng(number).normal(0.1, 0.01, (SIDE, SIDE)).clip(0, 1)
        for row, column in CENTRES:
            pixels[np.hypot(rows - row, columns - column) < 6] = 0.8
            table.append(f"{number}.tif,{column},{row}")
        write_image(folder / "images" / f"{number}.tif", pixels, bit_depth=16)
    write_text(folder / "points.csv", "\n".join(table) + "\n")
    return folder


def test_a_start_that_failed_does_not_hold_its_folder(tmp_path: Path) -> None:
    values = {
        "name": "a",
        "title": "A",
        "real": {"kind": "folder", "folder": str(set_without_splits(tmp_path / "set"))},
        "rows": [{"name": "Dog", "method": "dog"}],
    }
    first = settings_from(values, ExperimentSettings)
    out = tmp_path / "run"
    with pytest.raises(InputError, match="split"):
        run(first, out, device="cpu")
    folds = {"kind": "folds", "folds": 2}
    corrected = settings_from({**values, "protocol": folds}, ExperimentSettings)
    assert run(corrected, out, device="cpu").is_file()
    told = (out / "results.md").read_text("utf-8")
    assert "**Dog**" not in told
    assert "[" not in next(line for line in told.splitlines() if line.startswith("| Dog"))
    with pytest.raises(OutputError, match="other settings"):
        run(first, out, device="cpu")


def test_a_study_needs_a_clone_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adaptoscope.pipeline.run.SOURCE_TREE", tmp_path)
    write_text(tmp_path / "study.yaml", "kind: style_study\nname: a\n")
    with pytest.raises(SettingsError, match="style_study is not installed") as caught:
        run(tmp_path / "study.yaml", tmp_path / "run")
    assert "clone" in str(caught.value.remedy)
