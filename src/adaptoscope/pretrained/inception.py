"""Inception v3 as an encoder for kernel distances, where the user has its weights.

The weights are those of torchvision (``inception_v3``, trained on ImageNet). They are read from a
file and never fetched. Distances are not those of papers that take the Inception of 2015.
"""

from pathlib import Path

import timm
import torch
from torch import nn

from adaptoscope.errors import InputError
from adaptoscope.pretrained.weights_files import read_weights, refuse_missing

PREFIX = "inception:"
"""Stands before the file in the name of the encoder."""

# Channels of the last pooling of Inception v3.
FEATURES = 2048
# Input of Inception v3 as published.
SIDE = 299

_REMEDY = (
    "save the state dict of torchvision's inception_v3(weights='IMAGENET1K_V1'), or take its .pth"
)
_UNUSED = ("AuxLogits.", "fc.")
_COUNTER = "num_batches_tracked"


class InceptionEncoder(nn.Module):
    """Inception v3 (Szegedy et al., 2016) up to its last pooling, on one channel.

    Images are repeated to three channels and scaled to 299 x 299 pixels. What lies between
    background (0) and cells (1) is what the network takes for black to white: -1 to 1. Darker and
    brighter values are clipped.
    """

    def __init__(self) -> None:
        super().__init__()
        self.network = timm.create_model(
            "inception_v3", pretrained=False, num_classes=0, global_pool=""
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return features of shape (B, 2048, 8, 8); their mean is the last pooling ("pool3").

        Images have shape (B, 1, H, W), with the background near 0 and cells near 1.
        """
        seen = nn.functional.interpolate(
            2 * images.clamp(0, 1) - 1, (SIDE, SIDE), mode="bilinear", antialias=True
        )
        features: torch.Tensor = self.network(seen.expand(-1, 3, -1, -1))
        return features

    def with_stages(self, images: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Return the features of `forward`, and no stages: none is read at single cells."""
        return self(images), []


def load_inception(path: Path) -> InceptionEncoder:
    """Load Inception v3 from a state dict of torchvision's ``inception_v3``.

    ``.safetensors``, or ``.pth``, of which only tensors are read. Classifier and auxiliary
    classifier may be in it or not.
    """
    refuse_missing(path, _REMEDY)
    tensors = read_weights(path) if path.suffix == ".safetensors" else _read_pth(path)
    encoder = InceptionEncoder()
    own = encoder.network.state_dict()
    given = {name: each for name, each in tensors.items() if not name.startswith(_UNUSED)}
    missing = [name for name in own if name not in given and not name.endswith(_COUNTER)]
    strange = [name for name in given if name not in own]
    unlike = [n for n in own if n in given and given[n].shape != own[n].shape]
    if missing or strange or unlike:
        raise InputError(
            f"The weights {path} are not those of Inception v3.",
            expected="the state dict of torchvision's inception_v3",
            found=f"{len(missing)} tensors missing, {len(strange)} unknown, {len(unlike)} of "
            f"another shape, such as {(missing + strange + unlike)[0]}",
            remedy=_REMEDY,
        )
    encoder.network.load_state_dict(own | given)
    return encoder


def _read_pth(path: Path) -> dict[str, torch.Tensor]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(content, dict) or not content:
            raise ValueError(f"a {type(content).__name__} instead of a table of tensors")
        return {str(name): torch.as_tensor(each) for name, each in content.items()}
    except Exception as error:
        raise InputError(
            f"The weights {path} cannot be read.",
            expected="a .safetensors file, or a .pth that holds a state dict and nothing else",
            found=" ".join(str(error).split())[:200],
            remedy=_REMEDY,
        ) from error
