"""The way back from noise to a clean latent: DDIM, paper 1, eq. (7)."""

from collections.abc import Callable, Sequence

import torch

from adaptoscope.style_transfer.diffusion.noise_schedule import NoiseSchedule

PredictNoise = Callable[[torch.Tensor, int], torch.Tensor]
"""Returns the noise in latents at a time step, conditions and guidance included."""

CorrectLatents = Callable[[torch.Tensor, int], torch.Tensor]
"""Corrects latents after a step, given the time step that they have reached."""


def ddim_decode(
    schedule: NoiseSchedule,
    noised: torch.Tensor,
    timesteps: Sequence[int],
    predict_noise: PredictNoise,
    correct: CorrectLatents | None = None,
) -> torch.Tensor:
    """Denoise along falling time steps without fresh noise (eta = 0; Song et al., 2021).

    Parameters
    ----------
    noised
        Latents at ``timesteps[0]``, shape (B, C, h, w).
    timesteps
        Falling; the last step ends at alpha-bar of step 0.
    """
    latents = noised
    for timestep, end in zip(timesteps, [*timesteps[1:], 0], strict=True):
        alpha_bar, alpha_bar_end = schedule.alpha_bar[timestep], schedule.alpha_bar[end]
        noise = predict_noise(latents, timestep)
        clean = (latents - (1 - alpha_bar) ** 0.5 * noise) / alpha_bar**0.5
        latents = alpha_bar_end**0.5 * clean + (1 - alpha_bar_end) ** 0.5 * noise  # eq. (7)
        if correct is not None:
            latents = correct(latents, end)
    return latents


def apply_guidance(
    conditional: torch.Tensor, unconditional: torch.Tensor, scale: float
) -> torch.Tensor:
    """Move a prediction away from the unconditional one; scale 1 leaves it unchanged."""
    return unconditional + scale * (conditional - unconditional)
