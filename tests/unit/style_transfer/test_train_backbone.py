from pathlib import Path

import pytest
import torch
from tests.unit.style_transfer.conftest import TINY, write_set

from adaptoscope.errors import OutputError
from adaptoscope.style_transfer.compact import CompactBackbone
from adaptoscope.style_transfer.settings import (
    AutoencoderTraining,
    BackboneTrainingSettings,
    DenoiserTraining,
)
from adaptoscope.style_transfer.train_backbone import train_backbone
from adaptoscope.style_transfer.train_denoiser import DenoiserStep

SETTINGS = BackboneTrainingSettings(
    crop=64,
    network=TINY,
    autoencoder=AutoencoderTraining(steps=4, batch=2, adversarial_from=0.5),
    denoiser=DenoiserTraining(steps=4, batch=2),
)


def weights(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def test_a_backbone_is_trained_from_a_folder(tmp_path: Path) -> None:
    images = write_set(tmp_path / "images", 3)
    folder = train_backbone(tmp_path / "run", [images], SETTINGS, device="cpu")
    backbone = CompactBackbone.load(folder)
    untrained = CompactBackbone(TINY)
    assert not torch.equal(backbone.latent_sd, untrained.latent_sd)
    assert backbone.no_style.abs().sum() > 0
    header = (tmp_path / "run" / "autoencoder" / "metrics.csv").read_text().splitlines()[0]
    assert header.startswith("step,pixels,gradients,divergence")


def test_a_stopped_training_ends_with_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = write_set(tmp_path / "images", 3)
    whole = weights(train_backbone(tmp_path / "whole", [images], SETTINGS, device="cpu"))
    step = DenoiserStep.__call__

    def stops(self: DenoiserStep, index: int) -> object:
        if index == 2:
            raise KeyboardInterrupt
        return step(self, index)

    with monkeypatch.context() as patch:
        patch.setattr(DenoiserStep, "__call__", stops)
        with pytest.raises(KeyboardInterrupt):
            train_backbone(tmp_path / "broken", [images], SETTINGS, device="cpu")
    assert not (tmp_path / "broken" / "backbone").exists()
    resumed = train_backbone(tmp_path / "broken", [images], SETTINGS, device="cpu")
    assert weights(resumed) == whole


def test_only_the_training_split_is_read(tmp_path: Path) -> None:
    images = write_set(tmp_path / "split", 4, splits="train val test train")
    train_backbone(tmp_path / "run", [images], SETTINGS, device="cpu")
    used = (tmp_path / "run" / "training_images.json").read_text()
    assert [sha in used for sha in images.hashes().values()] == [True, False, False, True]


def test_other_settings_need_another_folder(tmp_path: Path) -> None:
    images = write_set(tmp_path / "images", 2)
    train_backbone(tmp_path / "run", [images], SETTINGS, device="cpu")
    with pytest.raises(OutputError):
        train_backbone(tmp_path / "run", [images], SETTINGS.changed(seed=1), device="cpu")
