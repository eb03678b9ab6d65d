"""Commands as a person calls them, in this process: arguments in; exit code and streams out."""

import io
import shutil
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
import yaml

from adaptoscope.cli import main
from adaptoscope.imageio.files import write_image, write_text
from adaptoscope.style_transfer.backbones.compact.network import CompactBackbone
from tests.unit.style_transfer.conftest import SIDE, TINY, draw_discs
from tests.unit.translation.conftest import write_pairs

# About ten cells in 64 pixels: enough to be measured without labels.
CANVAS = {"height": SIDE, "width": SIDE, "cell_diameter_px": 10.0}
SIMULATION = {**CANVAS, "cells_per_mpx": 2500.0}
SYNTHESIS = {"height": SIDE, "width": SIDE}


class Answer(NamedTuple):
    """What a command leaves with, and what it printed."""

    code: int
    out: str
    err: str


def ask(*arguments: object) -> Answer:
    """Call a command."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as leaving:
        main([str(argument) for argument in arguments])
    return Answer(int(leaving.value.code or 0), out.getvalue(), err.getvalue())


def succeed(*arguments: object) -> str:
    """Call a command that must succeed, and return what it printed."""
    answer = ask(*arguments)
    assert answer.code == 0, answer.err
    return answer.out


def refuse(*arguments: object) -> str:
    """Call a command that must fail with one readable block, and return the block."""
    answer = ask(*arguments)
    assert (answer.code, answer.out) == (1, ""), answer
    labels = [line.split(":")[0] for line in answer.err.splitlines()]
    assert labels == ["error", "  expected", "  found", "  remedy"], answer.err
    return answer.err


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def write_yaml(path: Path, values: object) -> Path:
    write_text(path, yaml.safe_dump(values, sort_keys=False))
    return path


def write_fields(folder: Path, splits: str = "train train train val val test test") -> Path:
    """Write discs on noise with their centres, in the form of a foreign set: split.csv."""
    lists, points = ["image,split"], ["image,x,y"]
    for number, split in enumerate(splits.split()):
        generator = np.random.default_rng(number)
        places = [(row, column) for row in (12, 32, 52) for column in (12, 32, 52)]
        centres = np.array(places, float)[generator.permutation(9)[: 3 + number]]
        pixels = draw_discs((SIDE, SIDE), centres)[0] + generator.normal(0, 0.02, (SIDE, SIDE))
        write_image(folder / "images" / f"field_{number}.tif", np.clip(pixels, 0, 1))
        lists.append(f"field_{number}.tif,{split}")
        points += [f"field_{number}.tif,{column},{row}" for row, column in centres]
    write_text(folder / "split.csv", "\n".join(lists) + "\n")
    write_text(folder / "points.csv", "\n".join(points) + "\n")
    return folder


class Chain(NamedTuple):
    """What the commands of stages 0 to 2 wrote, one from the other."""

    real: Path
    drawings: Path
    style: Path
    stylised: Path
    backbone: Path
    said: dict[str, str]


@pytest.fixture(scope="session")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random backbone of the real classes."""
    folder = tmp_path_factory.mktemp("weights") / "backbone"
    torch.manual_seed(0)
    CompactBackbone(TINY).save(folder)
    return folder


@pytest.fixture(scope="session")
def chain(backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """Simulate, draw alike, learn the look and stylise; read only."""
    home = tmp_path_factory.mktemp("chain")
    simulation = write_yaml(home / "simulation.yaml", SIMULATION)
    synthesis = write_yaml(home / "synthesis.yaml", SYNTHESIS)
    real, drawings, stylised = home / "real", home / "drawings", home / "stylised"
    style = home / "look.safetensors"
    shares = ("--train", 0.5, "--val", 0.25, "--test", 0.25)
    quick = ("--strength", 0.2, "--steps", 10, "--backbone", backbone)
    said = {
        "simulate": succeed("simulate", real, "--count", 8, "--settings", simulation, *shares),
        "synthesise": succeed(
            "synthesise", drawings, "--count", 3, "--like", real, "--settings", synthesis
        ),
        "learn": succeed("style", "learn", style, "--images", real, "--backbone", backbone),
        "stylise": succeed("stylise", drawings, stylised, "--style", style, *quick),
    }
    return Chain(real, drawings, style, stylised, backbone, said)


@pytest.fixture(scope="session")
def fields(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven counted images with splits; read only."""
    return write_fields(tmp_path_factory.mktemp("fields"))


@pytest.fixture
def own_fields(fields: Path, tmp_path: Path) -> Path:
    """The same images, to be damaged."""
    return Path(shutil.copytree(fields, tmp_path / "fields"))


# The narrowest network, and a few steps: it has to run, not to predict well.
QUICK_STAIN = {"width": 2, "steps": 3, "batch": 1}
QUICK_ADAPTATION = {"steps": 2, "batch": 1, "cached": 2, "discriminator_parameters": 1000}


class Stained(NamedTuple):
    """Four fields of 64 pixels with the stains body and edge, and two networks of them."""

    pairs: Path
    model: Path
    second: Path
    said: str
    settings: Path
    quick: Path


@pytest.fixture(scope="session")
def stained(tmp_path_factory: pytest.TempPathFactory) -> Stained:
    """Train two tiny networks to predict stains; read only."""
    home = tmp_path_factory.mktemp("stained")
    pairs = write_pairs(home / "pairs").folder
    settings = write_yaml(home / "train.yaml", QUICK_STAIN)
    train = ("--pairs", pairs, "--settings", settings, "--device", "cpu")
    first = ask("stain", "train", home / "model", *train)
    assert first.code == 0, first.err
    succeed("stain", "train", home / "second", *train, "--seed", 1)
    quick = write_yaml(home / "adapt.yaml", QUICK_ADAPTATION)
    said = first.out + first.err
    return Stained(pairs, home / "model", home / "second", said, settings, quick)
