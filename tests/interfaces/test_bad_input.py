"""Bad input gets one readable block, exit code 1, and leaves nothing half-written."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

from adaptoscope.counting.model_folder import read_record
from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.imageio.files import read_image, write_image, write_text
from adaptoscope.style_transfer.backbones.compact.network import CompactBackbone
from adaptoscope.style_transfer.style_file import load_style
from tests.interfaces.conftest import (
    SYNTHESIS,
    Chain,
    ask,
    contents,
    refuse,
    succeed,
    write_fields,
    write_yaml,
)
from tests.unit.style_transfer.conftest import TINY

Reader = Callable[[Path, Path, Chain], tuple[object, ...]]

# Commands that read a set: (set, output, what earlier stages wrote) -> arguments.
REGRESSOR = ("--head", "regressor")
READERS: dict[str, Reader] = {
    "style learn": lambda images, out, chain: (
        "style", "learn", out.with_suffix(".safetensors"), "--images", images,
        "--backbone", chain.backbone,
    ),
    "synthesise": lambda images, out, chain: ("synthesise", out, "--like", images, "--count", 1),
    "count train": lambda images, out, chain: (
        "count", "train", out, "--real", images, *REGRESSOR, "--init", "random", "--device", "cpu",
    ),
    "count train dog": lambda images, out, chain: (
        "count", "train", out, "--real", images, "--method", "dog",
    ),
    "count evaluate": lambda images, out, chain: (
        "count", "evaluate", "dog", images, "--table", out,
    ),
}  # fmt: skip
USES_POINTS = ["count train", "count train dog", "count evaluate"]


def written(folder: Path) -> set[str]:
    """Name what stands in a folder, the input called fields apart."""
    return {entry.name for entry in folder.iterdir()} - {"fields"}


def corrupt(file: Path) -> None:
    file.write_bytes(b"II*\x00" + np.random.default_rng(0).bytes(2000))


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:2500])


def colour(file: Path) -> None:
    pixels = np.repeat(tifffile.imread(file)[..., None], 3, axis=2)
    pixels[..., 1] //= 2
    tifffile.imwrite(file, pixels, photometric="rgb")


def put_nan(file: Path) -> None:
    pixels = (tifffile.imread(file) / 255).astype(np.float32)
    pixels[0, 0] = np.nan
    tifffile.imwrite(file, pixels)


DAMAGE = {
    "corrupt": (corrupt, "field_0.tif"),
    "truncated": (truncate, "field_0.tif is cut short"),
    "colour": (colour, "--channel"),
    "NaN": (put_nan, "NaN"),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("reader", READERS)
def test_a_damaged_image_stops_the_command_before_it_writes(
    own_fields: Path, chain: Chain, tmp_path: Path, reader: str, damage: str
) -> None:
    spoil, message = DAMAGE[damage]
    spoil(own_fields / "images" / "field_0.tif")
    assert message in refuse(*READERS[reader](own_fields, tmp_path / "out", chain))
    assert written(tmp_path) == set()


@pytest.mark.parametrize("reader", [name for name in READERS if name != "count train"])
def test_colour_images_are_read_once_a_channel_is_chosen(
    own_fields: Path, chain: Chain, tmp_path: Path, reader: str
) -> None:
    for file in (own_fields / "images").iterdir():
        colour(file)
    command = READERS[reader](own_fields, tmp_path / "out", chain)
    succeed(*command, "--channel", 1)
    assert written(tmp_path)
    assert "--channel from 0 to 2" in refuse(*command, "--channel", 3)


@pytest.mark.parametrize("channel", [None, 2])
def test_predict_names_the_missing_choice_of_a_channel_in_the_row(
    own_fields: Path, tmp_path: Path, channel: int | None
) -> None:
    file, table = own_fields / "images" / "field_0.tif", tmp_path / "counts.csv"
    colour(file)
    choice = () if channel is None else ("--channel", channel)
    answer = ask("count", "predict", file, "--model", "dog", "--out", table, *choice)
    assert answer.code == (1 if channel is None else 0)
    (row,) = csv.DictReader(table.open(newline=""))
    assert bool(row["count"]) == (channel is not None)
    assert ("--channel" in row["error"]) == (channel is None)


@pytest.mark.parametrize("reader", [*READERS, "count predict"])
def test_an_empty_folder_is_refused(chain: Chain, tmp_path: Path, reader: str) -> None:
    (tmp_path / "fields").mkdir()
    images, out = tmp_path / "fields", tmp_path / "out"
    if reader == "count predict":
        error = refuse("count", "predict", images, "--model", "dog", "--out", out)
    else:
        error = refuse(*READERS[reader](images, out, chain))
    assert "holds no image" in error
    assert written(tmp_path) == set()


@pytest.mark.parametrize("reader", READERS)
def test_an_unknown_column_is_refused(chain: Chain, tmp_path: Path, reader: str) -> None:
    images = shutil.copytree(chain.real, tmp_path / "fields")
    head, *rows = (images / "metadata.csv").read_text().splitlines()
    write_text(images / "metadata.csv", "\n".join([f"{head},mood", *(f"{r},good" for r in rows)]))
    assert "mood" in refuse(*READERS[reader](images, tmp_path / "out", chain))
    assert written(tmp_path) == set()


@pytest.mark.parametrize("reader", USES_POINTS)
def test_points_outside_their_image_are_refused(
    own_fields: Path, chain: Chain, tmp_path: Path, reader: str
) -> None:
    table = own_fields / "points.csv"
    write_text(table, table.read_text() + "field_0.tif,64.0,3\n")
    command = READERS[reader](own_fields, tmp_path / "out", chain)
    if reader == "count train":
        settings = write_yaml(own_fields / "small.yaml", {"crop": 32})
        command += ("--settings", settings)
    assert "field_0.tif" in refuse(*command)
    assert written(tmp_path) == set()


def test_an_image_smaller_than_the_crop_is_refused(fields: Path, tmp_path: Path) -> None:
    command = (
        "count",
        "train",
        tmp_path / "model",
        "--real",
        fields,
        "--head",
        "regressor",
        "--init",
        "random",
    )
    error = refuse(*command)
    assert "200 x 200" in error
    assert "64 x 64" in error
    assert written(tmp_path) == set()


UNKNOWN_KEY = {
    "simulate": ("simulate", "OUT"),
    "synthesise": ("synthesise", "OUT"),
    "count train": ("count", "train", "OUT", "--real", "SET"),
    "count train-encoder": ("count", "train-encoder", "OUT", "--images", "SET"),
    "count pretrain": ("count", "pretrain", "OUT", "--images", "SET"),
    "style train-backbone": ("style", "train-backbone", "OUT", "--images", "SET"),
}


@pytest.mark.parametrize("name", UNKNOWN_KEY)
def test_an_unknown_setting_is_named(fields: Path, tmp_path: Path, name: str) -> None:
    settings = write_yaml(tmp_path / "settings.yaml", {"sharpnes": 3})
    places = {"OUT": tmp_path / "out", "SET": fields}
    command = [places.get(part, part) for part in UNKNOWN_KEY[name]]
    assert "`sharpnes` is not a known field" in refuse(*command, "--settings", settings)
    assert written(tmp_path) == {"settings.yaml"}


def test_an_unknown_setting_of_an_experiment_is_named(tmp_path: Path) -> None:
    values = {
        "name": "tiny",
        "title": "Tiny",
        "real": {"kind": "simulated", "simulation": {"sharpnes": 3}},
        "rows": [{"name": "Constant", "method": "constant"}],
    }
    settings = write_yaml(tmp_path / "settings.yaml", values)
    assert "sharpnes` is not a known field" in refuse("run", settings, "--out", tmp_path / "out")
    assert written(tmp_path) == {"settings.yaml"}


def test_unknown_screening_settings_change_no_verdict(chain: Chain, tmp_path: Path) -> None:
    settings = write_yaml(tmp_path / "settings.yaml", {"sharpnes": 3})
    before = contents(chain.stylised)
    command = ("screen", chain.stylised, "--drawings", chain.drawings, "--settings", settings)
    assert "sharpnes" in refuse(*command)
    assert contents(chain.stylised) == before


def test_screening_against_other_drawings_changes_no_verdict(chain: Chain, fields: Path) -> None:
    before = contents(chain.stylised)
    assert "drawing" in refuse("screen", chain.stylised, "--drawings", fields)
    assert contents(chain.stylised) == before


MISSING = {
    "backbone to learn": ("style", "learn", "OUT.safetensors", "--images", "SET",
                          "--backbone", "nowhere"),
    "backbone to stylise": ("stylise", "DRAWINGS", "OUT", "--style", "STYLE",
                            "--backbone", "nowhere"),
    "style": ("stylise", "DRAWINGS", "OUT", "--style", "nowhere.safetensors"),
    "encoder": ("count", "train", "OUT", "--real", "SET", *REGRESSOR,
                "--init", "nowhere.safetensors",
                "--settings", "SMALL", "--device", "cpu"),
    "model to evaluate": ("count", "evaluate", "nowhere", "SET", "--table", "OUT"),
    "model to predict": ("count", "predict", "SET", "--model", "nowhere", "--out", "OUT"),
}  # fmt: skip


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write_yaml(tmp_path / "fields" / "small.yaml", {"crop": 64, "steps": 1, "batch": 2})


@pytest.mark.parametrize("name", MISSING)
def test_missing_weights_are_named(
    chain: Chain, fields: Path, tmp_path: Path, small: Path, name: str
) -> None:
    places = {"OUT": tmp_path / "out", "OUT.safetensors": tmp_path / "out.safetensors",
              "SET": fields, "DRAWINGS": chain.drawings, "STYLE": chain.style,
              "SMALL": small}  # fmt: skip
    assert "nowhere" in refuse(*(places.get(part, part) for part in MISSING[name]))
    assert written(tmp_path) == set()


def test_imagenet_weights_without_a_network_are_missing_weights(
    fields: Path, tmp_path: Path, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    # The hub's client reads its variables only once, when it is first imported.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "fields" / "hub"))
    command = (
        "count",
        "train",
        tmp_path / "out",
        "--real",
        fields,
        "--head",
        "regressor",
        "--init",
        "imagenet",
    )
    error = refuse(*command, "--settings", small, "--device", "cpu")
    assert "ImageNet weights" in error
    assert "--init nuclei" in error
    assert written(tmp_path) == set()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the device")
def test_a_device_that_is_not_there_is_refused(fields: Path, tmp_path: Path, small: Path) -> None:
    command = (
        "count",
        "train",
        tmp_path / "out",
        "--real",
        fields,
        "--head",
        "regressor",
        "--init",
        "random",
    )
    assert "--device auto" in refuse(*command, "--settings", small, "--device", "cuda")
    command = ("count", "evaluate", "nuclei", fields, "--table", tmp_path / "out")
    assert "--device auto" in refuse(*command, "--device", "cuda")
    assert written(tmp_path) == set()


def test_a_damaged_backbone_is_refused(chain: Chain, fields: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(chain.backbone, tmp_path / "fields")
    shutil.copy(broken / "denoiser.safetensors", broken / "style_encoder.safetensors")
    out = tmp_path / "look.safetensors"
    assert "damaged" in refuse("style", "learn", out, "--images", fields, "--backbone", broken)
    assert written(tmp_path) == set()


@pytest.mark.parametrize("split", ["val", "test"])
@pytest.mark.parametrize("suffix", [".tif", ".png"])
@pytest.mark.parametrize("reader", ["style learn", "synthesise"])
def test_images_kept_back_are_recognised_under_any_name(
    chain: Chain, fields: Path, tmp_path: Path, split: str, suffix: str, reader: str
) -> None:
    opened = open_counted_images(fields)
    kept_back = read_image(opened.path(opened.images_of(split)[0]))
    write_image(tmp_path / "fields" / f"nice{suffix}", kept_back.pixels, bit_depth=8)
    command = READERS[reader](tmp_path / "fields", tmp_path / "out", chain)
    error = refuse(*command, "--held-out", fields)
    assert f"nice{suffix}" in error
    assert split in error
    assert written(tmp_path) == set()
    succeed(*command)


def test_a_copy_among_the_training_images_is_recognised(
    own_fields: Path, chain: Chain, tmp_path: Path
) -> None:
    images = own_fields / "images"
    shutil.copy(images / "field_6.tif", images / "field_0.tif")
    for reader in READERS:
        if reader != "count evaluate":
            command = READERS[reader](own_fields, tmp_path / "out", chain)
            if reader == "count train":
                command += ("--settings", write_yaml(own_fields / "s.yaml", {"crop": 64}))
            assert "test" in refuse(*command), reader
    assert written(tmp_path) == set()


def test_a_style_of_another_backbone_is_refused(chain: Chain, tmp_path: Path) -> None:
    torch.manual_seed(9)
    CompactBackbone(TINY).save(tmp_path / "other")
    command = ("stylise", chain.drawings, tmp_path / "out", "--style", chain.style)
    assert "another backbone" in refuse(*command, "--backbone", tmp_path / "other")
    assert written(tmp_path) == {"other"}


@pytest.mark.parametrize("damage", ["corrupt", "truncated", "NaN"])
def test_stylise_leaves_no_image_of_a_damaged_drawing(
    own_fields: Path, chain: Chain, tmp_path: Path, damage: str
) -> None:
    spoil, _ = DAMAGE[damage]
    spoil(own_fields / "images" / "field_0.tif")
    out = tmp_path / "out"
    command = ("stylise", own_fields, out, "--style", chain.style, "--backbone", chain.backbone)
    assert "field_0.tif" in refuse(*command, "--steps", 2)
    assert not (out / "metadata.csv").exists()
    assert not (out / "images").exists()


@pytest.mark.parametrize("more", [(), ("--overwrite",)])
def test_stylise_does_not_write_over_its_drawings(
    chain: Chain, tmp_path: Path, more: tuple[str, ...]
) -> None:
    drawings = shutil.copytree(chain.drawings, tmp_path / "drawings")
    before = contents(drawings)
    command = ("stylise", drawings, drawings, "--style", chain.style)
    assert "drawings" in refuse(*command, "--backbone", chain.backbone, *more)
    assert contents(drawings) == before


def test_a_style_is_written_only_under_a_name_of_its_own_kind(
    own_fields: Path, chain: Chain
) -> None:
    image = own_fields / "images" / "field_0.tif"
    before = image.read_bytes()
    command = ("style", "learn", image, "--images", own_fields, "--backbone", chain.backbone)
    assert ".safetensors" in refuse(*command)
    assert image.read_bytes() == before


def writers(out: Path, chain: Chain, fields: Path, settings: Path) -> dict[str, tuple[object, ...]]:
    return {
        "simulate": ("simulate", out, "--count", 1),
        "synthesise": ("synthesise", out, "--count", 1, "--settings", settings),
        "stylise": ("stylise", chain.drawings, out, "--style", chain.style,
                    "--backbone", chain.backbone),
        "convert": ("convert", fields, out, "--stain", "images"),
        "count train": ("count", "train", out, "--real", fields, "--method", "dog"),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["simulate", "synthesise", "stylise", "convert", "count train"])
def test_a_folder_of_something_else_is_left_alone(
    chain: Chain, fields: Path, tmp_path: Path, name: str
) -> None:
    settings = write_yaml(tmp_path / "fields" / "s.yaml", SYNTHESIS)
    source = tmp_path / "fields" / "release"
    write_image(source / "images" / "a.tif", np.zeros((64, 64)))
    out = tmp_path / "out"
    write_text(out / "thesis.txt", "precious")
    real = source if name == "convert" else fields
    command = writers(out, chain, real, settings)[name]
    assert "another folder" in refuse(*command)
    assert "another folder" in refuse(*command, "--overwrite")
    assert contents(out) == {"thesis.txt": b"precious"}


def test_overwriting_begins_a_folder_anew(tmp_path: Path) -> None:
    settings, out = write_yaml(tmp_path / "s.yaml", SYNTHESIS), tmp_path / "out"
    command = ("synthesise", out, "--settings", settings, "--count")
    succeed(*command, 2)
    before = contents(out)
    assert "--overwrite" in refuse(*command, 1)
    assert contents(out) == before
    succeed(*command, 1, "--overwrite")
    assert len(open_counted_images(out)) == 1
    assert [file.name for file in (out / "masks").iterdir()] == ["syn_00000.png"]


def test_overwriting_a_counter_replaces_it(fields: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    command = ("count", "train", model, "--real", fields, "--method")
    succeed(*command, "dog")
    before = contents(model)
    assert "--overwrite" in refuse(*command, "constant")
    assert contents(model) == before
    succeed(*command, "constant", "--overwrite")
    assert read_record(model).kind == "constant"


def test_a_style_is_replaced_whole_or_not_at_all(
    chain: Chain, own_fields: Path, tmp_path: Path
) -> None:
    style = shutil.copy(chain.style, tmp_path / "look.safetensors")
    command = ("style", "learn", style, "--images", own_fields, "--backbone", chain.backbone)
    put_nan(own_fields / "images" / "field_1.tif")
    refuse(*command)
    assert style.read_bytes() == chain.style.read_bytes()
    write_fields(own_fields, "train train")
    assert "--overwrite" in refuse(*command)
    succeed(*command, "--overwrite")
    assert len(load_style(style).facts.images) == 2
    assert written(tmp_path) == {"look.safetensors"}


def test_an_output_below_a_file_is_one_readable_block(tmp_path: Path) -> None:
    write_text(tmp_path / "note", "text")
    settings = write_yaml(tmp_path / "s.yaml", SYNTHESIS)
    command = ("synthesise", tmp_path / "note" / "out", "--count", 1, "--settings", settings)
    assert "note" in refuse(*command)
    assert (tmp_path / "note").read_text() == "text"
