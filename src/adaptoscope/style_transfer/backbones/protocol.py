"""What style transfer asks of a latent diffusion model, and what some can do beyond it."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch

from adaptoscope.style_transfer.diffusion.noise_schedule import NoiseSchedule
from adaptoscope.style_transfer.settings import Intensities, Posterior

FACTOR = 8
"""Pixels per latent pixel, of every backbone."""


class Backbone(Protocol):
    """A frozen latent diffusion model.

    Pixels are (B, 1, H, W) with the background near -1 and cells near +1; H and W are multiples
    of `multiple`; images with a side above `largest_tile` are better done in tiles. Latents are
    (B, C, H / 8, W / 8), tokens (B, K, D). `intensities` and `posteriors` are the values of
    `Preprocessing` that it can work with. Arguments must be on its `device`, and results are.
    """

    name: str
    multiple: int
    largest_tile: int
    intensities: tuple[Intensities, ...]
    posteriors: tuple[Posterior, ...]
    schedule: NoiseSchedule

    @property
    def device(self) -> torch.device:
        """Where the model stands."""
        ...

    @property
    def token_shape(self) -> tuple[int, int]:
        """Number and length of the tokens of a style."""
        ...

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the latents of images."""
        ...

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Return the images of latents."""
        ...

    def embed_style(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the style tokens of images."""
        ...

    def predict_noise(
        self,
        latents: torch.Tensor,
        timestep: int | torch.Tensor,
        tokens: torch.Tensor | None,
        layout: torch.Tensor | None,
    ) -> torch.Tensor:
        """Return the noise in noised latents, given style tokens and a layout or neither.

        The time step is one for all, or one for each, shape (B,); a layout has shape
        (B, 9, h, w) and is that of `layout_condition`.
        """
        ...


@runtime_checkable
class GivesMoments(Protocol):
    """A backbone whose latents are drawn from a distribution in training."""

    def latent_moments(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean and standard deviation of the latents, shape (B, C, h, w)."""
        ...


@dataclass(frozen=True)
class Reading:
    """How a backbone reads tokens off images: `token_mode` and `clip_input` of a style file."""

    token_mode: str = "zero_shot"
    clip_input: str = ""


@runtime_checkable
class ReadsFields(Protocol):
    """A backbone that reads tokens off whole fields, all those of a style together."""

    def reading(self) -> Reading:
        """Return how it reads; raises `InputError` if it cannot."""
        ...

    def field_view(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return what is seen of one field of any size, shape (1, S, D)."""
        ...

    def tokens_of_views(self, views: torch.Tensor) -> torch.Tensor:
        """Return the tokens of fields, shape (R, K, D), for their views, shape (R, S, D)."""
        ...
