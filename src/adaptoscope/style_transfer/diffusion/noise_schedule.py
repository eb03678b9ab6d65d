"""The noising rule of latent diffusion, paper 1, eq. (6), and its time steps.

A schedule knows no network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch


class NoiseSchedule:
    """Scaled-linear schedule of Stable Diffusion 1.x, computed in float64.

    ``beta`` are the squares of evenly spaced numbers from sqrt(0.00085) to sqrt(0.012), and
    ``alpha_bar[t]`` is the product of ``1 - beta`` up to step t.
    """

    def __init__(self, steps: int = 1000) -> None:
        self.steps = steps
        betas = np.linspace(0.00085**0.5, 0.012**0.5, steps, dtype=np.float64) ** 2
        self.alpha_bar = np.asarray(np.cumprod(1.0 - betas), dtype=np.float64)

    def add_noise(
        self, latents: torch.Tensor, noise: torch.Tensor, timestep: int | torch.Tensor
    ) -> torch.Tensor:
        """Noise latents, shape (B, C, h, w), as at one step for all or at steps of shape (B,)."""
        import torch

        every = torch.from_numpy(self.alpha_bar).to(latents.dtype).to(latents.device)
        alpha_bar = every[timestep].reshape(-1, 1, 1, 1)
        return alpha_bar.sqrt() * latents + (1 - alpha_bar).sqrt() * noise  # paper 1, eq. (6)


def ddim_timesteps(schedule: NoiseSchedule, steps: int) -> NDArray[np.int64]:
    """Return the DDIM time steps in rising order: 1, 21, ..., 981 for 50 of 1000.

    No step is there twice: above 799 of 1000 some are moved down by one to make room.
    """
    grid = np.round(np.arange(steps) * (schedule.steps / steps)).astype(np.int64) + 1
    return np.minimum(grid, np.arange(schedule.steps - steps, schedule.steps))
