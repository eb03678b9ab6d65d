"""What style transfer asks of a latent diffusion model."""

from typing import Protocol

import torch

from adaptoscope.style_transfer.diffusion.noise_schedule import NoiseSchedule


class Backbone(Protocol):
    """A frozen latent diffusion model.

    Pixels are (B, 1, H, W) with the background near -1 and cells near +1; H and W are multiples
    of `multiple`; images with a side above `largest_tile` are better done in tiles. Latents are
    (B, C, H / 8, W / 8), tokens (B, K, D).
    """

    name: str
    multiple: int
    largest_tile: int
    schedule: NoiseSchedule

    @property
    def device(self) -> torch.device:
        """Where the model stands; its arguments must be there, and its results are."""
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

        The time step is one for all, or one for each, shape (B,).
        """
        ...
