"""The diffusion models that style transfer can run on, and how one is opened by its name.

Adding one touches a file of its own, with a class as `BackboneKind` describes it, and `BACKBONES`.
"""

from typing import Protocol

import torch

from adaptoscope.style_transfer.backbones.compact.kind import CompactKind
from adaptoscope.style_transfer.backbones.protocol import Backbone
from adaptoscope.style_transfer.backbones.stable_diffusion.kind import StableDiffusionKind


class BackboneKind(Protocol):
    """One kind of diffusion model: which names are its own, and what they stand for."""

    def recognises(self, name: str) -> bool:
        """Tell whether what was given as ``--backbone`` is one of this kind; nothing is read."""
        ...

    def open(self, name: str, device: str | torch.device) -> Backbone:
        """Open the model on a device, frozen and in eval mode."""
        ...

    def hash(self, name: str) -> str:
        """Return the SHA-256 of all that a style on this model depends on."""
        ...

    def backbone_class(self) -> type[Backbone]:
        """Return the model's class, which says what it can be shown; no weights are read."""
        ...


BACKBONES: list[BackboneKind] = [StableDiffusionKind(), CompactKind()]
"""Asked in this order; the last one takes any name."""


def open_backbone(name: str, device: str | torch.device = "cpu") -> Backbone:
    """Open a diffusion model, frozen and in eval mode.

    Parameters
    ----------
    name
        ``compact``; a folder written by ``style train-backbone``; or a YAML file of
        `StableDiffusionSettings`.

    Raises
    ------
    MissingWeightsError
        If the weights are not there.
    SettingsError
        If the YAML file is not in order, or names a variable that is not set.
    """
    return _kind_of(name).open(name, device)


def backbone_class(name: str) -> type[Backbone]:
    """Return the class of a diffusion model, as in `open_backbone`; no weights are read."""
    return _kind_of(name).backbone_class()


def hash_of_backbone(name: str) -> str:
    """Return the SHA-256 of a diffusion model, as in `open_backbone`."""
    return _kind_of(name).hash(name)


def _kind_of(name: str) -> BackboneKind:
    return next(kind for kind in BACKBONES if kind.recognises(name))
