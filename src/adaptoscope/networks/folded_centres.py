"""The centres network once nothing is learnt any more: the same function in less time."""

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_weights

from adaptoscope.networks.centres_network import PEAK, CentresNetwork


class FoldedCentresNetwork(nn.Module):
    """A finished `CentresNetwork`, equal to it but for rounding.

    Batch normalisations are folded into the convolutions before them. A map that is enlarged
    twofold and then convolved is convolved first, in its own size, with the kernels that do both.

    Parameters
    ----------
    network
        The network in evaluation mode; later changes of its weights are not seen.
    """

    weight: torch.Tensor
    bias: torch.Tensor

    def __init__(self, network: CentresNetwork) -> None:
        super().__init__()
        self.enter = nn.Sequential(*map(_Convolution, network.enter.children()))
        self.down = nn.ModuleList(
            nn.Sequential(*map(_Convolution, stage.children())) for stage in network.down
        )
        pairs = [tuple(stage.children()) for stage in network.up]
        self.join = nn.ModuleList(_Join(first) for first, _ in pairs)
        self.up = nn.ModuleList(_Convolution(second) for _, second in pairs)
        self.register_buffer("weight", network.density.weight.detach().clone())
        self.register_buffer("bias", network.density.bias.detach().clone())  # type: ignore[union-attr]
        self.requires_grad_(False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the density of cells, as `CentresNetwork.forward`."""
        features = [self.enter(images)]
        for stage in self.down:
            features.append(stage(features[-1]))
        deep = features.pop()
        for join, stage in zip(self.join, self.up, strict=True):
            deep = stage(join(deep, features.pop()))
        return functional.softplus(functional.conv2d(deep, self.weight, self.bias)) * PEAK


class _Convolution(nn.Module):
    """A convolution, its batch normalisation and a rectifier, in one step."""

    weight: torch.Tensor
    bias: torch.Tensor

    def __init__(self, parts: nn.Module) -> None:
        super().__init__()
        weight, bias, self.stride = _folded(parts)
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        seen = functional.conv2d(images, self.weight, self.bias, stride=self.stride, padding=1)
        return functional.relu_(seen)


class _Join(nn.Module):
    """Enlarge a map twofold, put it beside another one of the new size, and convolve both."""

    wide: torch.Tensor
    deep: torch.Tensor
    bias: torch.Tensor

    def __init__(self, parts: nn.Module) -> None:
        super().__init__()
        weight, bias, _ = _folded(parts)
        # The map that is enlarged stands first and has all but the channels of the other one.
        deep = weight.shape[1] - weight.shape[0]
        self.register_buffer("deep", _enlarging(weight[:, :deep]))
        self.register_buffer("wide", weight[:, deep:].contiguous())
        self.register_buffer("bias", bias)

    def forward(self, deep: torch.Tensor, wide: torch.Tensor) -> torch.Tensor:
        seen = functional.conv_transpose2d(deep, self.deep, self.bias, stride=2, padding=1)
        return functional.relu_(seen.add_(functional.conv2d(wide, self.wide, padding=1)))


def _folded(parts: nn.Module) -> tuple[torch.Tensor, torch.Tensor, int]:
    convolution, norm, *_ = parts.children()
    if not (isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)):
        raise AssertionError("a convolution and a batch normalisation were expected")
    if norm.training or norm.running_mean is None or norm.running_var is None:
        raise AssertionError("a batch normalisation that is fixed was expected")
    weight, bias = fuse_conv_bn_weights(
        convolution.weight,
        convolution.bias,
        norm.running_mean,
        norm.running_var,
        norm.eps,
        norm.weight,
        norm.bias,
    )
    return weight.detach().clone(), bias.detach().clone(), convolution.stride[0]


def _enlarging(weight: torch.Tensor) -> torch.Tensor:
    """Return the transposed kernel (4 x 4, stride 2) that enlarges twofold and then convolves.

    Each pixel becomes two by two equal ones, so that kernels shifted by one pixel add up.
    """
    flipped = weight.transpose(0, 1).flip(2, 3)
    shifted = [
        functional.pad(flipped, (right, 1 - right, down, 1 - down))
        for down in (0, 1)
        for right in (0, 1)
    ]
    return torch.stack(shifted).sum(0)
