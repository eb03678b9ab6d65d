"""The way back from noise to a clean latent: DDIM with guidance, paper 1, eq. (7)."""

from collections.abc import Callable, Sequence

import torch

from adaptoscope.style_transfer.diffusion.noise_schedule import NoiseSchedule

PredictNoise = Callable[[torch.Tensor, int], torch.Tensor]
Steer = Callable[[torch.Tensor, int], torch.Tensor]


def ddim_decode(
    schedule: NoiseSchedule,
    noised: torch.Tensor,
    timesteps: Sequence[int],
    predict_noise: PredictNoise,
    steer: Steer | None = None,
) -> torch.Tensor:
    """Denoise along falling time steps without fresh noise (eta = 0; Song et al., 2021).

    Parameters
    ----------
    noised
        Latents at ``timesteps[0]``, shape (B, C, h, w).
    timesteps
        Falling; the last step ends at alpha-bar of step 0.
    predict_noise
        Returns the noise in latents at a time step, conditions and guidance included.
    steer
        Corrects the latents after each step, given the time step they have reached.
    """
    latents = noised
    ends = [*timesteps[1:], 0]
    for timestep, end in zip(timesteps, ends, strict=True):
        alpha_bar, alpha_bar_end = schedule.alpha_bar[timestep], schedule.alpha_bar[end]
        noise = predict_noise(latents, timestep)
        clean = (latents - (1 - alpha_bar) ** 0.5 * noise) / alpha_bar**0.5
        latents = alpha_bar_end**0.5 * clean + (1 - alpha_bar_end) ** 0.5 * noise  # eq. (7)
        if steer is not None:
            latents = steer(latents, end)
    return latents


def guided(conditional: torch.Tensor, unconditional: torch.Tensor, scale: float) -> torch.Tensor:
    """Move a prediction away from the unconditional one; scale 1 leaves it unchanged."""
    return unconditional + scale * (conditional - unconditional)
