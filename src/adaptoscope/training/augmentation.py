"""Random changes of appearance for batches of crops: the variety of microscopes in training.

Each sample's change is drawn once and applied to all its crops, so that two crops of one image
still look as if taken by one microscope.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional


@dataclass(frozen=True)
class AppearanceChange:
    """What is done to each sample of a batch; every array has shape (B,).

    Parameters
    ----------
    gamma
        Exponent applied to intensities in [0, 1].
    blur
        Standard deviation of a Gaussian blur, in pixels; 0 leaves the crop untouched.
    noise
        Standard deviation of added noise at intensity 1, as a share of the range.
    """

    gamma: NDArray[np.float64]
    gain: NDArray[np.float64]
    blur: NDArray[np.float64]
    noise: NDArray[np.float64]
    gradient: NDArray[np.float64]
    direction: NDArray[np.float64]


def draw_appearance(rng: np.random.Generator, batch: int) -> AppearanceChange:
    """Draw one change of appearance per sample; each part is absent in at least half of them."""

    def sometimes(share: float, values: NDArray[np.float64], off: float) -> NDArray[np.float64]:
        return np.where(rng.random(batch) < share, values, off)

    return AppearanceChange(
        gamma=sometimes(0.5, np.exp(rng.uniform(-0.5, 0.5, batch)), 1.0),
        gain=sometimes(0.4, np.exp(rng.uniform(-0.7, 0.2, batch)), 1.0),
        blur=sometimes(0.4, rng.uniform(0.4, 2.2, batch), 0.0),
        noise=sometimes(0.4, np.exp(rng.uniform(np.log(0.01), np.log(0.12), batch)), 0.0),
        gradient=sometimes(0.3, rng.uniform(0.0, 0.35, batch), 0.0),
        direction=rng.uniform(0.0, 2 * np.pi, batch),
    )


def change_appearance(
    crops: torch.Tensor, change: AppearanceChange, generator: torch.Generator
) -> torch.Tensor:
    """Apply drawn changes to crops: `change_light`, then `add_noise`; shapes as there."""
    return add_noise(change_light(crops, change), change, generator)


def change_light(crops: torch.Tensor, change: AppearanceChange) -> torch.Tensor:
    """Apply all drawn changes but the noise.

    Parameters
    ----------
    crops
        Shape (B, 1, H, W), background near 0 and cells near 1.
    change
        One change per crop.

    Returns
    -------
    torch.Tensor
        Same shape; gamma and gain first, then background and blur.
    """
    signs = torch.sign(crops)
    gamma, gain = _column(change.gamma, crops), _column(change.gain, crops)
    changed = signs * crops.abs().clamp(min=1e-6) ** gamma * gain
    changed = changed + _ramps(crops.shape[-1], change, crops)
    return _blurred(changed, change.blur)


def add_noise(
    crops: torch.Tensor, change: AppearanceChange, generator: torch.Generator
) -> torch.Tensor:
    """Add the drawn noise, which grows with the square root of brightness.

    Parameters
    ----------
    crops
        Shape (B, 1, H, W), background near 0 and cells near 1.
    change
        One change per crop.
    generator
        Source of the noise, on the device of the crops.
    """
    sd = _column(change.noise, crops) * (0.15 + crops.clamp(0, 1)).sqrt()
    return crops + sd * torch.randn(crops.shape, generator=generator, device=crops.device)


def _column(values: NDArray[np.float64], like: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(values).to(like).reshape(-1, 1, 1, 1)


def _ramps(side: int, change: AppearanceChange, like: torch.Tensor) -> torch.Tensor:
    axis = torch.linspace(-0.5, 0.5, side).to(like)
    direction = _column(change.direction, like)
    ramp = torch.cos(direction) * axis.reshape(1, 1, -1, 1) + torch.sin(direction) * axis + 0.5
    return ramp * _column(change.gradient, like)


def _blurred(crops: torch.Tensor, sigmas: NDArray[np.float64]) -> torch.Tensor:
    """Blur each crop with its own separable Gaussian of radius 6."""
    offsets = torch.arange(-6, 7).to(crops)
    sigma = torch.from_numpy(np.maximum(sigmas, 0.05)).to(crops)[:, None]
    kernels = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernels = kernels / kernels.sum(1, keepdim=True)
    batch = crops.transpose(0, 1)
    padded = functional.pad(batch, (6, 6, 6, 6), mode="reflect")
    rows = functional.conv2d(padded, kernels[:, None, :, None], groups=len(crops))
    both = functional.conv2d(rows, kernels[:, None, None, :], groups=len(crops))
    return both.transpose(0, 1)
