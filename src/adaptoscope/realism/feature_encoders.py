"""The frozen networks through which looks are compared, chosen by name."""

from pathlib import Path
from typing import Protocol

import torch

from adaptoscope.pretrained.bundled import hash_of_weights
from adaptoscope.pretrained.encoders import load_encoder, origin_of_encoder
from adaptoscope.pretrained.inception import PREFIX, load_inception
from adaptoscope.pretrained.weights_files import hash_of_network

_WITHOUT_FILE = ("random", "imagenet")


class FeatureEncoder(Protocol):
    """A network that says what a tile looks like."""

    def with_stages(self, images: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Return maps of features, shape (B, F, h, w), and those of earlier stages, if any.

        Parameters
        ----------
        images
            Shape (B, 1, H, W), normalised so that the background is near 0 and cells near 1.
        """


def open_feature_encoder(name: str, device: torch.device) -> tuple[FeatureEncoder, str]:
    """Open an encoder, frozen, and name its weights.

    Parameters
    ----------
    name
        As in `load_encoder`, or ``inception:FILE`` for Inception v3, as in `load_inception`.
    device
        Where it is put.

    Returns
    -------
    tuple
        The encoder; SHA-256 of the weight file, or of the weights where there is no file.

    Raises
    ------
    MissingWeightsError
        If the weights are not there.
    InputError
        If a file does not fit the encoder.
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
