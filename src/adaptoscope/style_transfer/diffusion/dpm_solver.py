"""The way back in fewer steps: DPM-Solver++ (2M), Lu et al., 2022."""

import math
from collections.abc import Sequence

import torch

from adaptoscope.style_transfer.diffusion.ddim import CorrectLatents, PredictNoise
from adaptoscope.style_transfer.diffusion.noise_schedule import NoiseSchedule

# As in diffusers (`lower_order_final`): with fewer steps a last step of second order is unstable.
_FEW = 15


def dpm_solver_decode(
    schedule: NoiseSchedule,
    noised: torch.Tensor,
    timesteps: Sequence[int],
    predict_noise: PredictNoise,
    correct: CorrectLatents | None = None,
) -> torch.Tensor:
    """Denoise along falling time steps with a second-order multistep rule; as `ddim_decode`.

    Each step looks at the last two estimates of the clean latent and follows the line through
    them, in half the logarithm of the signal-to-noise ratio. The first step has only one estimate.
    """
    latents, earlier, earlier_width = noised, None, 0.0
    ends = [*timesteps[1:], 0]
    for number, (timestep, end) in enumerate(zip(timesteps, ends, strict=True)):
        alpha, sigma, half_log_snr = _rates(schedule, timestep)
        alpha_end, sigma_end, half_log_snr_end = _rates(schedule, end)
        clean = (latents - sigma * predict_noise(latents, timestep)) / alpha
        width = half_log_snr_end - half_log_snr
        direction = clean
        last_of_few = number == len(timesteps) - 1 and len(timesteps) < _FEW
        if earlier is not None and not last_of_few:
            direction = clean + 0.5 * width / earlier_width * (clean - earlier)
        latents = sigma_end / sigma * latents - alpha_end * math.expm1(-width) * direction
        if correct is not None:
            latents = correct(latents, end)
        earlier, earlier_width = clean, width
    return latents


def _rates(schedule: NoiseSchedule, timestep: int) -> tuple[float, float, float]:
    """Return signal and noise amplitudes at a step, and the logarithm of their ratio."""
    alpha_bar = float(schedule.alpha_bar[timestep])
    alpha, sigma = alpha_bar**0.5, (1 - alpha_bar) ** 0.5
    return alpha, sigma, math.log(alpha / sigma)
