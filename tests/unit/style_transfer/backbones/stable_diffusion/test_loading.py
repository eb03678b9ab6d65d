import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from adaptoscope.errors import InputError, SettingsError
from adaptoscope.style_transfer.backbones.stable_diffusion.backbone import StableDiffusionBackbone
from adaptoscope.style_transfer.backbones.stable_diffusion.encoder_file import save_style_encoder
from adaptoscope.style_transfer.backbones.stable_diffusion.loading import load_stable_diffusion
from adaptoscope.style_transfer.backbones.stable_diffusion.settings import StableDiffusionSettings
from adaptoscope.style_transfer.backbones.stable_diffusion.style_encoder import (
    EncoderFacts,
    StyleEncoder,
)
from tests.unit.style_transfer.backbones.stable_diffusion.conftest import (
    WIDTH,
    assert_same_answers,
    fields,
)


def test_a_folder_opens_frozen_and_without_the_network(loaded: StableDiffusionBackbone) -> None:
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    assert not loaded.training
    assert loaded.image_tower is not None


@pytest.mark.parametrize("prefix", ["", "text_model."])
def test_text_towers_of_old_and_new_transformers_open(
    loaded: StableDiffusionBackbone, model_folder: Path, tmp_path: Path, prefix: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model_folder, folder)
    file = folder / "text_encoder" / "model.safetensors"
    tensors = {
        prefix + name.removeprefix("text_model."): tensor.clone()
        for name, tensor in load_file(file).items()
    }
    save_file(tensors, file, metadata={"format": "pt"})
    assert_same_answers(load_stable_diffusion(StableDiffusionSettings(model=str(folder))), loaded)


def test_another_noise_schedule_is_refused(model_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model_folder, folder)
    file = folder / "scheduler" / "scheduler_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"prediction_type": "v_prediction"}))
    with pytest.raises(SettingsError, match="v_prediction"):
        load_stable_diffusion(StableDiffusionSettings(model=str(folder)))


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_damaged_weights_are_refused(model_folder: Path, tmp_path: Path, part: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model_folder, folder)
    (file,) = (folder / part).glob("*.safetensors")
    file.write_bytes(b"no tensors here")
    with pytest.raises(InputError, match="cannot be opened"):
        load_stable_diffusion(StableDiffusionSettings(model=str(folder)))


def test_half_precision_weights_answer_in_float32(settings: StableDiffusionSettings) -> None:
    backbone = load_stable_diffusion(settings.changed(weights="bfloat16"))
    with torch.no_grad():
        latents = backbone.encode(fields(1))
        noise = backbone.predict_noise(latents, 10, torch.ones(1, 1, WIDTH), None)
        pixels = backbone.decode(noise)
    assert {latents.dtype, noise.dtype, pixels.dtype} == {torch.float32}
    assert torch.isfinite(pixels).all()


@pytest.mark.parametrize("weights", ["bfloat16", "float16"])
def test_a_style_encoder_stays_in_float32(
    settings: StableDiffusionSettings, tmp_path: Path, weights: str
) -> None:
    torch.manual_seed(0)
    encoder, path = StyleEncoder(WIDTH).eval(), tmp_path / "encoder.safetensors"
    save_style_encoder(path, encoder, EncoderFacts("patch", "correct", "squash", "*", ""))
    backbone = load_stable_diffusion(settings.changed(weights=weights, encoder=str(path)))
    assert backbone.unet.dtype == getattr(torch, weights)
    with torch.no_grad():
        tokens = backbone.embed_style(fields(2))
        expected = encoder(backbone.clip_views(fields(2), patches=True))
    assert tokens.dtype == torch.float32
    torch.testing.assert_close(tokens, expected)


def test_an_encoder_needs_clip(settings: StableDiffusionSettings, tmp_path: Path) -> None:
    path = tmp_path / "encoder.safetensors"
    save_style_encoder(
        path, StyleEncoder(WIDTH), EncoderFacts("encoder", "correct", "squash", "*", "")
    )
    with pytest.raises(SettingsError, match="`clip`"):
        load_stable_diffusion(settings.changed(clip="", encoder=str(path)))
