"""How Stable Diffusion is named and opened; its libraries are loaded only then."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from adaptoscope.style_transfer.backbones.stable_diffusion.settings import StableDiffusionSettings
from adaptoscope.training.path_variables import expand_variable
from adaptoscope.training.settings import load_settings

if TYPE_CHECKING:
    from adaptoscope.style_transfer.backbones.stable_diffusion.backbone import (
        StableDiffusionBackbone,
    )


class StableDiffusionKind:
    """A YAML file of `StableDiffusionSettings`; paths in it may begin with a variable."""

    def recognises(self, name: str) -> bool:
        """Take names of YAML files."""
        return Path(name).suffix in (".yaml", ".yml")

    def open(self, name: str, device: str | torch.device) -> "StableDiffusionBackbone":
        """Open the models that the file names."""
        from adaptoscope.style_transfer.backbones.stable_diffusion.loading import (
            load_stable_diffusion,
        )

        return load_stable_diffusion(_settings(name)).to(device)

    def hash(self, name: str) -> str:
        """Return the hash of the models and of what else a style depends on."""
        from adaptoscope.style_transfer.backbones.stable_diffusion.weights_places import (
            hash_of_model,
        )

        return hash_of_model(_settings(name))

    def backbone_class(self) -> "type[StableDiffusionBackbone]":
        """Return the class."""
        from adaptoscope.style_transfer.backbones.stable_diffusion.backbone import (
            StableDiffusionBackbone,
        )

        return StableDiffusionBackbone


def _settings(name: str) -> StableDiffusionSettings:
    settings = load_settings(Path(name), StableDiffusionSettings)
    places = {field: getattr(settings, field) for field in ("model", "base", "clip", "encoder")}
    return settings.changed(**{field: expand_variable(text) for field, text in places.items()})
