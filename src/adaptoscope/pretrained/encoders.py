"""Encoders that a counter can start from."""

from pathlib import Path

import torch
from torch import nn

from adaptoscope.errors import InputError, MissingWeightsError
from adaptoscope.networks.nuclei_encoder import NucleiEncoder
from adaptoscope.networks.onnx_file import write_onnx
from adaptoscope.pretrained.bundled import bundled_weights, hash_of_weights
from adaptoscope.pretrained.weights_files import read_weights, refuse_missing

_ARCHITECTURE = "efficientnet_b0"


def load_encoder(init: str) -> NucleiEncoder:
    """Make an encoder with the weights that were asked for, never silently with others.

    Parameters
    ----------
    init
        ``nuclei``: the bundled encoder. ``imagenet``: timm's weights, fetched by timm from its
        hub. ``random``: PyTorch's generator as it stands. Anything else: a ``.safetensors`` file.
    """
    if init == "random":
        return NucleiEncoder()
    if init == "imagenet":
        return _imagenet_encoder()
    path = _file_of(init)
    encoder = NucleiEncoder()
    try:
        encoder.load_state_dict(read_weights(path))
    except RuntimeError as error:
        raise InputError(
            f"The weights {path} do not fit the encoder.",
            expected="weights of a one-channel EfficientNet-B0, as `count train-encoder` writes",
            found=" ".join(str(error).split())[:200],
            remedy="choose another file, or `--init nuclei`",
        ) from error
    return encoder


def origin_of_encoder(init: str) -> str:
    """Say which weights `load_encoder` takes, so that a report can name them.

    That is the SHA-256 of the file; in words where there is none: random weights, or timm's.
    """
    if init == "random":
        return "none: random weights"
    if init == "imagenet":
        import timm

        known = timm.get_pretrained_cfg(_ARCHITECTURE)
        return f"{_ARCHITECTURE}.{known.tag if known else 'unknown'}, fetched by timm"
    path = _file_of(init)
    refuse_missing(path)
    return hash_of_weights(path)


class _Features(nn.Module):
    """An encoder whose features are averaged over each image."""

    def __init__(self, encoder: NucleiEncoder) -> None:
        super().__init__()
        # Under the names of the encoder's own weights, so that the two files can share them.
        self.network = encoder.network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.network(images)
        return features.mean(dim=(2, 3))


def write_features(weights: Path) -> Path:
    """Write what an encoder sees of an image, averaged over it, as a network without torch.

    Returned is the ``.onnx`` file beside the encoder's ``.safetensors`` file, which it refers to.
    """
    path = weights.with_suffix(".onnx")
    write_onnx(path, _Features(load_encoder(str(weights))).eval(), 64, weights=weights)
    return path


def _file_of(init: str) -> Path:
    return bundled_weights()["nuclei_encoder"] if init == "nuclei" else Path(init)


def _imagenet_encoder() -> NucleiEncoder:
    import timm

    encoder = NucleiEncoder()
    try:
        fetched: nn.Module = timm.create_model(
            _ARCHITECTURE, pretrained=True, in_chans=1, num_classes=0, global_pool=""
        )
    except Exception as error:
        raise MissingWeightsError(
            "The ImageNet weights of EfficientNet-B0 are not on this machine.",
            expected="a connection to timm's hub, or its weights in the hub's cache",
            found=" ".join(str(error).split())[:200],
            remedy="use `--init nuclei` (bundled), or connect once so that timm can fetch them",
        ) from error
    encoder.network.load_state_dict(fetched.state_dict())
    return encoder
