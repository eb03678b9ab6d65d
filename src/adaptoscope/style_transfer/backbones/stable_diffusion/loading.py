"""Open Stable Diffusion from where it lies; nothing is fetched unless the settings allow it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders.single_file_utils import (
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
)
from safetensors import SafetensorError

from adaptoscope.errors import InputError, SettingsError
from adaptoscope.style_transfer.backbones.stable_diffusion.backbone import StableDiffusionBackbone
from adaptoscope.style_transfer.backbones.stable_diffusion.encoder_file import (
    give_encoder,
    load_style_encoder,
)
from adaptoscope.style_transfer.backbones.stable_diffusion.settings import StableDiffusionSettings
from adaptoscope.style_transfer.backbones.stable_diffusion.single_file import (
    read_checkpoint,
    text_tensors,
)
from adaptoscope.style_transfer.backbones.stable_diffusion.token_injection import PromptReader
from adaptoscope.style_transfer.backbones.stable_diffusion.weights_places import (
    locate_base,
    locate_clip,
    locate_model,
)

if TYPE_CHECKING:
    from transformers import CLIPTextModel, CLIPVisionModelWithProjection

# Training of Stable Diffusion 1.x, which `NoiseSchedule` computes.
_SCHEDULE = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
}

Networks = tuple[UNet2DConditionModel, AutoencoderKL, "CLIPTextModel"]


def load_stable_diffusion(settings: StableDiffusionSettings) -> StableDiffusionBackbone:
    """Open the backbone, frozen and in eval mode, on the processor.

    The image tower is opened only where `clip` names one.

    Raises
    ------
    MissingWeightsError
        If a part is not on this machine; the message says what to fetch, and how to do without.
    SettingsError
        If the parts do not make a Stable Diffusion 1.x model, or the placeholder is no word.
    """
    from transformers import CLIPTokenizer

    place = locate_model(settings)
    single = place.is_file()
    base = locate_base(settings) if single else place
    clip = locate_clip(settings)
    _refuse_other_schedule(base)
    try:
        unet, autoencoder, text = _from_single_file(place, base) if single else _from_folder(place)
        tokeniser = CLIPTokenizer.from_pretrained(str(base / "tokenizer"), local_files_only=True)
        tower = None if clip is None else _image_tower(clip)
    except (SafetensorError, OSError, ValueError, KeyError, RuntimeError) as error:
        raise InputError(
            f"The diffusion model {settings.model} cannot be opened.",
            expected="undamaged weights of Stable Diffusion 1.x, and of CLIP ViT-L/14 as `clip`",
            found=" ".join(str(error).split())[:300],
            remedy="copy or download them again, or use `--backbone compact`",
        ) from error
    prompt = PromptReader(text, tokeniser, settings.prompt, settings.placeholder)
    backbone = StableDiffusionBackbone(unet, autoencoder, prompt, settings, tower)
    backbone.to(getattr(torch, settings.weights))
    if settings.encoder:
        backbone.require_clip()
        # Given last: it stays in float32, as it was learnt.
        give_encoder(backbone, *load_style_encoder(Path(settings.encoder)))
    return backbone


def _from_folder(folder: Path) -> Networks:
    from transformers import CLIPTextModel

    options = {"local_files_only": True, "use_safetensors": True}
    unet = UNet2DConditionModel.from_pretrained(str(folder / "unet"), **options)
    autoencoder = AutoencoderKL.from_pretrained(str(folder / "vae"), **options)
    text = CLIPTextModel.from_pretrained(
        str(folder / "text_encoder"), local_files_only=True, use_safetensors=True
    )
    return unet, autoencoder, text


def _from_single_file(file: Path, base: Path) -> Networks:
    """Convert an original checkpoint; every tensor of every network must be in it."""
    from transformers import CLIPTextConfig, CLIPTextModel

    checkpoint = read_checkpoint(file)
    shape = UNet2DConditionModel.load_config(str(base / "unet"), local_files_only=True)
    unet = UNet2DConditionModel.from_config(shape)
    unet.load_state_dict(convert_ldm_unet_checkpoint(dict(checkpoint), shape))
    shape = AutoencoderKL.load_config(str(base / "vae"), local_files_only=True)
    autoencoder = AutoencoderKL.from_config(shape)
    autoencoder.load_state_dict(convert_ldm_vae_checkpoint(dict(checkpoint), shape))
    config = CLIPTextConfig.from_pretrained(str(base / "text_encoder"), local_files_only=True)
    text = CLIPTextModel(config)
    text.load_state_dict(text_tensors(checkpoint, text.state_dict()))
    return unet, autoencoder, text


def _image_tower(folder: Path) -> "CLIPVisionModelWithProjection":
    from transformers import CLIPVisionModelWithProjection

    return CLIPVisionModelWithProjection.from_pretrained(
        str(folder), local_files_only=True, use_safetensors=True
    )


def _refuse_other_schedule(base: Path) -> None:
    """Refuse a model that predicts something else, or was trained on another noise schedule."""
    file = base / "scheduler" / "scheduler_config.json"
    if not file.is_file():
        return
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(
            f"The file {file} is damaged.",
            expected="JSON, as diffusers writes it",
            found=" ".join(str(error).split()),
            remedy="copy it again, or delete it: Stable Diffusion 1.x needs none",
        ) from error
    other = {k: found[k] for k, value in _SCHEDULE.items() if k in found and found[k] != value}
    if other:
        raise SettingsError(
            f"The model {base} is not a Stable Diffusion 1.x model.",
            expected=", ".join(f"{key} {_SCHEDULE[key]}" for key in other),
            found=", ".join(f"{key} {value}" for key, value in other.items()),
            remedy="use Stable Diffusion 1.1 to 1.5",
        )
