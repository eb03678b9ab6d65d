import json
from pathlib import Path

import numpy as np
import pytest
import torch

from adaptoscope.errors import InputError, OutputError, SettingsError
from adaptoscope.images.cell_centres import no_points
from adaptoscope.style_transfer.backbones.compact.network import CompactBackbone
from adaptoscope.style_transfer.backbones.compact.train_autoencoder import (
    AutoencoderStep,
    draw_style_crops,
)
from adaptoscope.style_transfer.backbones.compact.train_backbone import train_backbone
from adaptoscope.style_transfer.backbones.compact.train_denoiser import DenoiserStep
from adaptoscope.style_transfer.settings import (
    AutoencoderTraining,
    BackboneTrainingSettings,
    DenoiserTraining,
)
from adaptoscope.training.patch_pool import PatchPool, PoolImage
from adaptoscope.training.step_loop import start_fabric
from tests.unit.style_transfer.conftest import TINY, write_set

SETTINGS = BackboneTrainingSettings(
    crop=64,
    network=TINY,
    autoencoder=AutoencoderTraining(
        steps=4, batch=2, adversarial_weight=0.03, adversarial_from=0.5
    ),
    denoiser=DenoiserTraining(steps=4, batch=2),
)
SHORT = SETTINGS.changed(
    autoencoder=AutoencoderTraining(steps=1, batch=1), denoiser=DenoiserTraining(steps=1, batch=1)
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
    table = (tmp_path / "run" / "autoencoder" / "metrics.csv").read_text()
    assert table.startswith("step,pixels,gradients,divergence,real_margin,deceit\n")
    assert {line.count(",") for line in table.splitlines()} == {5}


def test_the_judge_has_columns_before_it_is_called() -> None:
    pixels = np.random.default_rng(0).random((288, 288), np.float32)
    pool = PatchPool([PoolImage(pixels, None, no_points(), "a")], 2, torch.device("cpu"))
    step = AutoencoderStep(CompactBackbone(TINY), pool, SETTINGS, start_fabric("cpu"))
    before, after = step(1), step(2)
    assert list(before) == list(after)
    assert (before["real_margin"], before["deceit"]) == (None, None)
    assert np.isfinite([float(value) for value in after.values()]).all()


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
    used = json.loads((tmp_path / "run" / "inputs.json").read_text())
    hashes = images.hashes()
    assert used == {f"image {name}": hashes[name] for name in images.hashes("train")}


def test_images_of_one_name_in_two_sets_are_told_apart(tmp_path: Path) -> None:
    sets = [write_set(tmp_path / name, 1, seed=seed) for seed, name in enumerate("ab")]
    train_backbone(tmp_path / "run", sets, SHORT, device="cpu")
    used = json.loads((tmp_path / "run" / "inputs.json").read_text())
    assert used == {
        f"image {number}/{name}": sha256
        for number, each in enumerate(sets, start=1)
        for name, sha256 in each.hashes().items()
    }


def test_a_training_goes_on_from_a_backbone(tmp_path: Path, backbone_folder: Path) -> None:
    images = write_set(tmp_path / "images", 2)
    gentle = SETTINGS.changed(
        autoencoder=AutoencoderTraining(steps=1, batch=2, learning_rate=1e-9),
        denoiser=DenoiserTraining(steps=1, batch=2, learning_rate=1e-9),
    )
    folder = train_backbone(tmp_path / "run", [images], gentle, start=backbone_folder, device="cpu")
    begun, ended = (CompactBackbone.load(each).state_dict() for each in (backbone_folder, folder))
    for name, weight in begun.items():
        if name not in ("latent_mean", "latent_sd"):
            torch.testing.assert_close(ended[name], weight, rtol=0, atol=1e-3)
    with pytest.raises(OutputError) as caught:
        train_backbone(tmp_path / "run", [images], gentle, device="cpu")
    assert caught.value.found == "gone: backbone to start from"


def test_a_backbone_of_another_shape_is_no_start(tmp_path: Path, backbone_folder: Path) -> None:
    images = write_set(tmp_path / "images", 2)
    wider = SETTINGS.changed(network=TINY.changed(token_width=32))
    with pytest.raises(SettingsError, match="cannot start"):
        train_backbone(tmp_path / "run", [images], wider, start=backbone_folder, device="cpu")
    assert not (tmp_path / "run").exists()


def test_a_refusal_does_not_stand_in_the_way_of_the_corrected_call(tmp_path: Path) -> None:
    images = write_set(tmp_path / "images", 2, splits="train val")
    with pytest.raises(InputError):
        train_backbone(tmp_path / "run", [images.split("val")], SETTINGS, device="cpu")
    assert not (tmp_path / "run").exists()
    assert train_backbone(tmp_path / "run", [images], SHORT, device="cpu").is_dir()


def test_noise_is_seen_and_not_to_be_returned() -> None:
    pixels = np.full((288, 288), 0.5, np.float32)
    pool = PatchPool([PoolImage(pixels, None, no_points(), "a")], 2, torch.device("cpu"))
    crops = draw_style_crops(pool, SETTINGS, 64, 0, 2)
    noisy = (crops.seen[0] - crops.clean).abs().amax((1, 2, 3)) > 1e-5
    assert 0.2 < noisy.float().mean() < 0.6
    roughness = [image[noisy].diff(dim=-1).abs().mean() for image in (crops.seen[0], crops.clean)]
    assert roughness[0] > 5 * roughness[1]


def test_other_settings_need_another_folder(tmp_path: Path) -> None:
    images = write_set(tmp_path / "images", 2)
    train_backbone(tmp_path / "run", [images], SETTINGS, device="cpu")
    with pytest.raises(OutputError):
        train_backbone(tmp_path / "run", [images], SETTINGS.changed(seed=1), device="cpu")
