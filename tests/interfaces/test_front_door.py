"""The functions of the front door write and say what the commands do."""

from pathlib import Path

import numpy as np
import pytest

import adaptoscope as ad
from adaptoscope.errors import SettingsError
from adaptoscope.imageio.files import read_image
from tests.interfaces.conftest import QUICK_ADAPTATION, Chain, Stained, contents, succeed

OWN = {"environment.json", "timings.csv"}


def written(folder: Path) -> dict[str, bytes]:
    return {name: data for name, data in contents(folder).items() if Path(name).name not in OWN}


def test_stains_of_an_array_are_those_that_the_command_writes(
    stained: Stained, tmp_path: Path
) -> None:
    models = (stained.model, stained.second)
    folders = ("--images", stained.pairs, "--out", tmp_path / "out")
    succeed("stain", "predict", *models, *folders, "--device", "cpu")
    pairs = ad.open_paired_stains(stained.pairs)
    image = pairs.read_given(pairs.records[0])
    predicted = ad.predict_stain(models, image.stored, device="cpu")
    assert list(predicted) == ["body", "edge", "body_uncertainty", "edge_uncertainty"]
    for stain, plane in predicted.items():
        file = tmp_path / "out" / f"{Path(image.name).stem}_{stain}.tif"
        stored = read_image(file).pixels
        np.testing.assert_allclose(plane.clip(0, 1), stored, atol=0.51 / 65535)


def test_a_folder_needs_a_place_and_an_array_none(stained: Stained, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="need a place"):
        ad.predict_stain(stained.model, stained.pairs)  # type: ignore[call-overload]
    with pytest.raises(SettingsError, match="returned, not written"):
        ad.predict_stain(stained.model, np.zeros((8, 8)), tmp_path)  # type: ignore[call-overload]
    done = ad.predict_stain(stained.model, stained.pairs, tmp_path / "out", device="cpu")
    assert (done.written, done.errors, done.stains) == (4, {}, ("body", "edge"))


def test_an_adaptation_equals_that_of_the_command(stained: Stained, tmp_path: Path) -> None:
    sets = ("--source", stained.pairs, "--target", stained.pairs)
    options = ("--method", "coral", "--layer", "3", "--settings", stained.quick, "--device", "cpu")
    succeed("stain", "adapt", tmp_path / "one", "--model", stained.model, *sets, *options)
    adapted = ad.adapt_stain(
        stained.model,
        ad.open_paired_stains(stained.pairs),
        stained.pairs,
        tmp_path / "two",
        method="coral",
        layer="3",
        settings=QUICK_ADAPTATION,
        device="cpu",
    )
    assert (adapted.way, adapted.scores, adapted.summary) == ("coral", {}, "")
    assert written(tmp_path / "one") == written(Path(adapted))


def test_images_are_stylised_and_screened_as_by_the_commands(chain: Chain, tmp_path: Path) -> None:
    style = ad.learn_style(
        tmp_path / "look.safetensors", chain.real, backbone=chain.backbone, device="cpu"
    )
    assert len(style.facts.images) == 4
    assert (tmp_path / "look.safetensors").read_bytes() == chain.style.read_bytes()
    drawn = ad.open_counted_images(chain.drawings)
    made = ad.stylise(
        chain.drawings,
        tmp_path / "made",
        chain.style,
        strength=0.2,
        steps=10,
        backbone=chain.backbone,
        device="cpu",
    )
    assert made.counts().tolist() == drawn.counts().tolist()
    for record in made:
        stored = (chain.stylised / record.file_name).read_bytes()
        assert (tmp_path / "made" / record.file_name).read_bytes() == stored
    found = ad.screen(tmp_path / "made", drawn)
    assert found.as_dict()["n"] == 3
