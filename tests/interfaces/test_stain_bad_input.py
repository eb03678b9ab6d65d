"""Bad input to the commands of virtual staining: one readable block, and nothing is written."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from adaptoscope.imageio.files import read_image, write_image, write_text
from tests.interfaces.conftest import Stained, ask, contents, refuse, succeed, write_yaml

Reader = Callable[[Path, Path, Stained], tuple[object, ...]]

# Commands that read a set of pairs: (set, output, what was trained) -> arguments.
READERS: dict[str, Reader] = {
    "train": lambda pairs, out, stained: (
        "stain", "train", out, "--pairs", pairs, "--settings", stained.settings,
    ),
    "evaluate": lambda pairs, _, stained: ("stain", "evaluate", stained.model, pairs),
    "adapt": lambda pairs, out, stained: (
        "stain", "adapt", out, "--model", stained.model, "--source", stained.pairs,
        "--target", pairs, "--settings", stained.quick,
    ),
    "oracle": lambda pairs, out, stained: (
        "stain", "adapt", out, "--model", stained.model, "--target", pairs, "--method", "oracle",
    ),
}  # fmt: skip
READ_STAINS = ["train", "evaluate", "oracle"]


@pytest.fixture
def own(stained: Stained, tmp_path: Path) -> Path:
    """The pairs, to be damaged."""
    return Path(shutil.copytree(stained.pairs, tmp_path / "own"))


def written(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()} - {"own"}


@pytest.mark.parametrize("reader", READ_STAINS)
def test_images_of_a_pair_must_be_of_one_size(
    stained: Stained, own: Path, tmp_path: Path, reader: str
) -> None:
    write_image(own / "images" / "field_0_body.png", np.zeros((60, 64)), bit_depth=16)
    error = refuse(*READERS[reader](own, tmp_path / "out", stained))
    assert "field_0_body.png of (64, 64) pixels" in error
    assert "(60, 64)" in error
    assert written(tmp_path) == set()


@pytest.mark.parametrize("reader", READERS)
def test_a_missing_stain_image_is_named(
    stained: Stained, own: Path, tmp_path: Path, reader: str
) -> None:
    (own / "images" / "field_0_body.png").unlink()
    assert "images/field_0_body.png" in refuse(*READERS[reader](own, tmp_path / "out", stained))
    assert written(tmp_path) == set()


@pytest.mark.parametrize("reader", READERS)
def test_colour_images_of_a_pair_are_refused_with_a_remedy_that_works(
    stained: Stained, own: Path, tmp_path: Path, reader: str
) -> None:
    file = own / "images" / "field_0_input.png"
    colours = np.repeat(read_image(file).stored[..., None], 3, axis=2)
    colours[..., 1] //= 2
    tifffile.imwrite(file.with_suffix(".tif"), colours, photometric="rgb")
    table = own / "pairs.csv"
    write_text(table, table.read_text("utf-8").replace("field_0_input.png", "field_0_input.tif"))
    error = refuse(*READERS[reader](own, tmp_path / "out", stained))
    assert "3 channels (colour image)" in error
    assert "an image of its own" in error
    assert "--channel" not in error
    assert written(tmp_path) == set()


def test_predict_names_the_missing_choice_of_a_channel(stained: Stained, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    colours = np.random.default_rng(0).integers(0, 65536, (40, 50, 3)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "images" / "rgb.tif", colours, photometric="rgb")
    command = ("stain", "predict", stained.model, "--images", tmp_path / "images", "--out")
    answer = ask(*command, tmp_path / "out")
    assert answer.code == 1
    assert answer.err.startswith("error: 1 of 1 images could not be predicted.")
    assert "3 channels" in answer.err
    (row,) = csv.DictReader((tmp_path / "out" / "predictions.csv").open(newline=""))
    assert "channels" in row["error"]
    assert "--channel" in row["error"]
    assert row["file"] == ""
    succeed(*command, tmp_path / "green", "--channel", 1)


@pytest.mark.parametrize("reader", ["evaluate", "adapt", "oracle"])
def test_pairs_of_another_bit_depth_are_refused(
    stained: Stained, own: Path, tmp_path: Path, reader: str
) -> None:
    for file in (own / "images").iterdir():
        write_image(file, read_image(file).pixels, bit_depth=8)
    error = refuse(*READERS[reader](own, tmp_path / "out", stained))
    assert "expected: 16-bit images" in error
    assert "found: 8-bit" in error
    assert written(tmp_path) == set()


def test_predict_goes_on_after_an_image_of_another_bit_depth(
    stained: Stained, tmp_path: Path
) -> None:
    images = tmp_path / "images"
    for name, depth in (("a.tif", 8), ("b.tif", 16)):
        write_image(images / name, np.random.default_rng(0).random((40, 50)), bit_depth=depth)
    answer = ask("stain", "predict", stained.model, "--images", images, "--out", tmp_path / "out")
    assert answer.code == 1
    assert "1 images, body, edge" in answer.out
    rows = list(csv.DictReader((tmp_path / "out" / "predictions.csv").open(newline="")))
    assert [(row["image"], bool(row["error"])) for row in rows] == [
        ("a.tif", True),
        ("b.tif", False),
        ("b.tif", False),
    ]
    assert "8-bit" in rows[0]["error"]
    assert "Expected: 16-bit" in rows[0]["error"]


@pytest.mark.parametrize("reader", READ_STAINS)
def test_a_folder_without_a_table_of_pairs_is_refused(
    stained: Stained, tmp_path: Path, reader: str
) -> None:
    (tmp_path / "own").mkdir()
    for place, found in ((tmp_path / "own", "no such file"), (tmp_path / "no", "no such folder")):
        error = refuse(*READERS[reader](place, tmp_path / "out", stained))
        assert "pairs.csv" in error
        assert found in error
    assert written(tmp_path) == set()


def test_a_target_without_images_is_refused(stained: Stained, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    adapt = READERS["adapt"]
    assert "holds no image" in refuse(*adapt(tmp_path / "own", tmp_path / "out", stained))
    assert "There is no folder" in refuse(*adapt(tmp_path / "no", tmp_path / "out", stained))
    assert written(tmp_path) == set()


@pytest.mark.parametrize("reader", READERS)
def test_one_of_several_modalities_must_be_named(
    stained: Stained, own: Path, tmp_path: Path, reader: str
) -> None:
    table = own / "pairs.csv"
    head, first, *rows = table.read_text("utf-8").splitlines()
    write_text(table, "\n".join([head, first.replace("phase", "darkfield"), *rows]) + "\n")
    command = READERS[reader](own, tmp_path / "out", stained)
    error = refuse(*command)
    assert "darkfield, phase" in error
    assert "--modality" in error
    option = "--modality" if reader in ("train", "evaluate") else "--target-modality"
    assert "brightfield" in refuse(*command, option, "brightfield")
    assert written(tmp_path) == set()


def test_a_modality_of_plain_images_is_refused(stained: Stained, tmp_path: Path) -> None:
    write_image(tmp_path / "own" / "one.tif", np.random.default_rng(0).random((40, 50)))
    command = READERS["adapt"](tmp_path / "own", tmp_path / "out", stained)
    assert "have no modality" in refuse(*command, "--target-modality", "phase")
    assert written(tmp_path) == set()


def test_occupied_folders_are_left_alone(stained: Stained, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_text(out / "notes.txt", "mine")
    commands = [READERS[reader](stained.pairs, out, stained) for reader in ("train", "adapt")]
    commands.append(
        ("stain", "predict", stained.model, "--images", stained.pairs, "--out", out),
    )
    for command in commands:
        for force in ((), ("--overwrite",)):
            assert "holds something else" in refuse(*command, *force)
    assert contents(out) == {"notes.txt": b"mine"}


def test_a_model_is_never_written_over_by_its_own_adaptation(
    stained: Stained, tmp_path: Path
) -> None:
    model = shutil.copytree(stained.model, tmp_path / "model")
    kept = contents(model)
    adapt = ("stain", "adapt", model, "--model", model, "--target", stained.pairs)
    for force in ((), ("--overwrite",)):
        assert "made from" in refuse(*adapt, "--method", "none", *force)
    assert contents(model) == kept


@pytest.mark.parametrize("layer", ["17", "0", "two", "2,", "-1", "2.5"])
def test_layers_that_do_not_exist_are_refused(stained: Stained, tmp_path: Path, layer: str) -> None:
    command = READERS["adapt"](stained.pairs, tmp_path / "out", stained)
    error = refuse(*command, f"--layer={layer}")
    assert "expected: auto, a number from 1 to 16, or several as 2,5" in error
    assert f"found: {layer}" in error
    assert written(tmp_path) == set()


@pytest.mark.parametrize(
    "method", ["none", "own_range", "per_image", "histogram", "adabn", "oracle"]
)
def test_a_layer_is_refused_where_it_makes_no_difference(
    stained: Stained, tmp_path: Path, method: str
) -> None:
    command = ("stain", "adapt", tmp_path / "out", "--model", stained.model)
    target = ("--source", stained.pairs, "--target", stained.pairs, "--method", method)
    assert "--layer makes no difference" in refuse(*command, *target, "--layer", 2)
    if method not in ("adabn", "oracle"):
        assert "--seed makes no difference" in refuse(*command, *target, "--seed", 2)
    settings = write_yaml(tmp_path / "own", {"layers": [2]})
    assert "`layers` is not a known field" in refuse(*command, *target, "--settings", settings)
    assert written(tmp_path) == set()


def test_methods_that_compare_domains_need_the_source(stained: Stained, tmp_path: Path) -> None:
    command = ("stain", "adapt", tmp_path / "out", "--model", stained.model)
    for method in ("adversarial", "coral", "mmd", "histogram"):
        error = refuse(*command, "--target", stained.pairs, "--method", method)
        assert "found: no --source" in error
    assert written(tmp_path) == set()


def test_unknown_names_are_refused_with_those_that_there_are(
    stained: Stained, tmp_path: Path
) -> None:
    train = READERS["train"](stained.pairs, tmp_path / "out", stained)
    assert "there are body, edge" in refuse(*train, "--stain", "bodies")
    evaluate = READERS["evaluate"](stained.pairs, tmp_path / "out", stained)
    assert "test, train, val" in refuse(*evaluate, "--split", "tset")
    assert "sides that 10 pixels divide" in refuse(*evaluate, "--grid", 10)
    settings = write_yaml(tmp_path / "own", {"method": "dann"})
    adapt = ("stain", "adapt", tmp_path / "out", "--model", stained.model)
    target = ("--source", stained.pairs, "--target", stained.pairs, "--settings", settings)
    assert "oracle" in refuse(*adapt, *target)
    assert "oracle" in refuse(*adapt, *target[:4], "--method", "dann")
    assert written(tmp_path) == set()


def test_what_is_no_model_is_refused(stained: Stained, tmp_path: Path) -> None:
    assert "no model.json" in refuse("stain", "evaluate", stained.pairs, stained.pairs)
    model = shutil.copytree(stained.model, tmp_path / "own")
    write_text(model / "model.json", "{")
    assert "a damaged model.json" in refuse("stain", "evaluate", model, stained.pairs)


def test_models_that_do_not_go_together_are_refused(stained: Stained, tmp_path: Path) -> None:
    train = READERS["train"](stained.pairs, tmp_path / "own", stained)
    succeed(*train, "--stain", "edge", "--steps", 1)
    predict = ("stain", "predict", stained.model, tmp_path / "own", "--images", stained.pairs)
    assert "own: edge" in refuse(*predict, "--out", tmp_path / "out")
    assert written(tmp_path) == set()
