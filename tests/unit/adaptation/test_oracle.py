import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from adaptoscope.adaptation.baseline_settings import OracleSettings
from adaptoscope.adaptation.fine_tuning import training_of
from adaptoscope.adaptation.oracle import fine_tune
from adaptoscope.datasets.paired_stains import PairedStainSet
from adaptoscope.errors import InputError
from adaptoscope.translation.crops import draw_pairs
from adaptoscope.translation.evaluate import evaluate_translator
from adaptoscope.translation.fields import read_fields
from adaptoscope.translation.model_folder import TranslatorRecord
from adaptoscope.translation.settings import TranslationSettings
from adaptoscope.translation.train_pairs import PairedStep, measure_intensities, training_part
from adaptoscope.translation.trained_model import StainModel, load_translator
from adaptoscope.translation.unet import StainUNet
from tests.unit.translation.conftest import write_pairs

TINY = OracleSettings(batch=1, steps=4, save_every=2, log_every=1)
WIDTH = 4


class OnCpu:
    device = torch.device("cpu")


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> PairedStainSet:
    """Fields with their stains: two to learn from, one to measure, one kept back."""
    return write_pairs(tmp_path_factory.mktemp("target") / "other")


def untrained(pairs: PairedStainSet, norm: str = "instance") -> StainModel:
    torch.manual_seed(0)
    names = ["body", "edge"]
    fields = read_fields(training_part(pairs), names)
    record = TranslatorRecord(
        width=WIDTH,
        norm=norm,
        intensities=measure_intensities(fields, names, TranslationSettings()),
    )
    return StainModel("source", record, StainUNet(2, WIDTH, norm=norm).eval())


def test_learning_goes_on_from_the_network(target: PairedStainSet) -> None:
    source = untrained(target)
    fields = read_fields(training_part(target))
    start = copy.deepcopy(source.network)
    how = training_of(TINY, source.record)
    step = PairedStep(how, fields, source.record.intensities, OnCpu(), start)
    crops = draw_pairs(
        fields, source.record.intensities, np.random.default_rng([0, 0]), batch=1, crop=256
    )
    with torch.no_grad():
        wanted = (source.network(crops.given) - crops.stains).abs().mean()
    assert float(step(0)["l1"]) == pytest.approx(float(wanted), rel=1e-5)
    assert step.network is start
    assert all(weight.requires_grad for weight in start.parameters())


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_the_whole_network_learns_and_says_from_what(
    target: PairedStainSet, tmp_path: Path, norm: str
) -> None:
    source = untrained(target, norm)
    before = {name: each.clone() for name, each in source.network.state_dict().items()}
    how = TINY.changed(steps=60, learning_rate=5e-3)
    folder = fine_tune(how, tmp_path / "oracle", model=source, pairs=target, device="cpu")
    found = load_translator(folder)
    for name, each in before.items():
        assert torch.equal(source.network.state_dict()[name], each), name
        if each.ndim == 4:
            assert not torch.equal(found.network.state_dict()[name], each), name
    test = read_fields(target.select(split="test"), found.record.stains)
    pearson = [evaluate_translator(each, test).stains["body"].pearson for each in (source, found)]
    assert pearson[1] > 0.8 > pearson[0]
    assert found.record.intensities.stains == source.record.intensities.stains
    known = json.loads((folder / "model.json").read_text("utf-8"))
    assert known["adapted"]["method"] == "oracle"
    assert known["adapted"]["reads_stains"] is True
    assert known["measured"]["n"] == 1
    hashes = target.select(split="train").hashes()
    assert known["training_images"] == {sha: name for name, sha in hashes.items()}
    card = (folder / "README.md").read_text("utf-8")
    assert "learnt from: 2 images of other with their stains" in card
    assert "It is an upper bound" in card


def test_a_killed_fine_tuning_goes_on_and_ends_the_same(
    target: PairedStainSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = {"pairs": target, "device": "cpu"}
    whole = fine_tune(TINY, tmp_path / "whole", model=untrained(target), **call)
    original = PairedStep.__call__

    def killed(self: PairedStep, index: int) -> object:
        if index == 3:
            raise KeyboardInterrupt
        return original(self, index)

    monkeypatch.setattr(PairedStep, "__call__", killed)
    with pytest.raises(KeyboardInterrupt):
        fine_tune(TINY, tmp_path / "killed", model=untrained(target), **call)
    monkeypatch.undo()
    fine_tune(TINY, tmp_path / "killed", model=untrained(target), **call)
    for name in ("weights.safetensors", "metrics.csv"):
        assert (whole / name).read_bytes() == (tmp_path / "killed" / name).read_bytes()


def test_pairs_that_lack_a_stain_are_refused(target: PairedStainSet, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="lacks a stain"):
        fine_tune(
            TINY,
            tmp_path / "out",
            model=untrained(target),
            pairs=target.select(stain="body"),
            device="cpu",
        )
    assert not (tmp_path / "out").exists()
