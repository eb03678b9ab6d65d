"""Batch normalisation on few images: keep good statistics, or measure them properly at the end.

Networks here are trained with small batches for a few hundred steps. Running averages of so few
batch statistics are poor: an image with an unusual background can then be counted tenfold.
"""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def freeze_statistics(network: nn.Module) -> None:
    """Let every batch normalisation use the statistics it came with, also while training.

    Its scale and offset are still trained. Call this after ``network.train()``.
    """
    for layer in _layers(network):
        layer.eval()


@torch.no_grad()
def measure_statistics(
    network: nn.Module, draw: Callable[[int], torch.Tensor], batches: int
) -> None:
    """Replace running averages by plain means over some batches, and leave the network in eval.

    Parameters
    ----------
    draw
        Returns batch i of training crops, shape (B, 1, H, W).
    """
    layers = _layers(network)
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
    network.train()
    for index in range(batches):
        network(draw(index))
    network.eval()
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum


def _layers(network: nn.Module) -> list[_BatchNorm]:
    return [layer for layer in network.modules() if isinstance(layer, _BatchNorm)]
