"""Open a diffusion model by name: bundled, trained on own images, or Stable Diffusion."""

from pathlib import Path

import torch

from adaptoscope.pretrained.bundled import hash_of_weights, locate_backbone
from adaptoscope.style_transfer.backbones.compact.network import CompactBackbone
from adaptoscope.style_transfer.backbones.protocol import Backbone
from adaptoscope.style_transfer.backbones.stable_diffusion.settings import StableDiffusionSettings
from adaptoscope.training.path_variables import expand_variable
from adaptoscope.training.settings import load_settings

SETTINGS_SUFFIXES = (".yaml", ".yml")


def open_backbone(name: str, device: str | torch.device = "cpu") -> Backbone:
    """Open a diffusion model, frozen and in eval mode.

    Parameters
    ----------
    name
        ``compact``; a folder written by ``style train-backbone``; or a YAML file of
        `StableDiffusionSettings`.
    device
        Where it is placed.

    Raises
    ------
    MissingWeightsError
        If the weights are not there.
    InputError
        If they are damaged.
    SettingsError
        If the YAML file is not in order, or names a variable that is not set.
    """
    if _is_stable_diffusion(name):
        from adaptoscope.style_transfer.backbones.stable_diffusion.loading import (
            load_stable_diffusion,
        )

        return load_stable_diffusion(_settings(name)).to(device)
    return CompactBackbone.load(locate_backbone(name)).to(device)


def backbone_class(name: str) -> type[Backbone]:
    """Return the class of a diffusion model, as in `open_backbone`; no weights are read."""
    if _is_stable_diffusion(name):
        from adaptoscope.style_transfer.backbones.stable_diffusion.backbone import (
            StableDiffusionBackbone,
        )

        return StableDiffusionBackbone
    return CompactBackbone


def hash_of_backbone(name: str) -> str:
    """Return the SHA-256 of the weights, and of what else of a backbone a style depends on.

    Parameters
    ----------
    name
        As in `open_backbone`.

    Raises
    ------
    MissingWeightsError
        If the weights are not there.
    SettingsError
        If the YAML file is not in order.
    """
    if _is_stable_diffusion(name):
        from adaptoscope.style_transfer.backbones.stable_diffusion.weights_places import (
            hash_of_model,
        )

        return hash_of_model(_settings(name))
    return hash_of_weights(locate_backbone(name))


def _is_stable_diffusion(name: str) -> bool:
    return Path(name).suffix in SETTINGS_SUFFIXES


def _settings(name: str) -> StableDiffusionSettings:
    """Read the settings; paths in them may begin with an environment variable."""
    settings = load_settings(Path(name), StableDiffusionSettings)
    places = {field: getattr(settings, field) for field in ("model", "base", "clip", "encoder")}
    return settings.changed(**{field: expand_variable(text) for field, text in places.items()})
