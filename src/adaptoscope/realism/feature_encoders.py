"""The frozen networks in whose features tiles are compared, chosen by name."""

from pathlib import Path
from typing import Protocol

import torch

from adaptoscope.pretrained.bundled import hash_of_weights
from adaptoscope.pretrained.encoders import load_encoder, origin_of_encoder
from adaptoscope.pretrained.inception import PREFIX, load_inception
from adaptoscope.pretrained.weights_files import hash_of_network

_WITHOUT_FILE = ("random", "imagenet")


class FeatureEncoder(Protocol):
    """A network that turns tiles into maps of features."""

    def with_stages(self, images: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Return maps of features, shape (B, F, h, w), and those of earlier stages, if any.

        Images have shape (B, 1, H, W), with the background near 0 and cells near 1.
        """


def open_feature_encoder(name: str, device: torch.device) -> tuple[FeatureEncoder, str]:
    """Open an encoder, frozen, and return it with the SHA-256 of its file or weights.

    Parameters
    ----------
    name
        As in `load_encoder`, or ``inception:FILE`` for Inception v3, as in `load_inception`.
    """
    if name.startswith(PREFIX):
        path = Path(name.removeprefix(PREFIX))
        inception = load_inception(path).to(device).eval().requires_grad_(False)
        return inception, hash_of_weights(path)
    network = load_encoder(name).to(device).eval().requires_grad_(False)
    known = hash_of_network(network) if name in _WITHOUT_FILE else origin_of_encoder(name)
    return network, known


def sees_cells(name: str) -> bool:
    """Tell whether an encoder of this name has stages that are read at single cells."""
    return not name.startswith(PREFIX)
