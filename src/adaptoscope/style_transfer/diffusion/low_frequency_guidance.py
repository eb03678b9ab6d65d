"""Hold the coarse structure of a drawing while noise is still high, in the manner of ILVR.

After each step the low frequencies of the latent are exchanged for those of the starting latent,
noised to the same step (Choi et al., 2021). It needs no training and works with any backbone.
"""

import torch
from torch.nn import functional

from adaptoscope.style_transfer.diffusion.ddim import CorrectLatents
from adaptoscope.style_transfer.diffusion.noise_schedule import NoiseSchedule
from adaptoscope.style_transfer.settings import StylisationSettings


def low_frequency_guidance(
    schedule: NoiseSchedule,
    initial: torch.Tensor,
    noise: torch.Tensor,
    settings: StylisationSettings,
) -> CorrectLatents | None:
    """Return what holds latents to `initial`, shape (B, C, h, w); None where `guard` is 0."""
    if settings.guard == 0:
        return None
    released = (1 - settings.guard) * settings.strength * schedule.steps

    def correct(latents: torch.Tensor, timestep: int) -> torch.Tensor:
        if timestep < released:
            return latents
        content = schedule.add_noise(initial, noise, timestep)
        return latents + _low_frequencies(content - latents, settings.guard_factor)

    return correct


def _low_frequencies(latents: torch.Tensor, factor: int) -> torch.Tensor:
    coarse = functional.avg_pool2d(latents, factor, ceil_mode=True, count_include_pad=False)
    size = [int(side) for side in latents.shape[2:]]
    return functional.interpolate(coarse, size=size, mode="bilinear", align_corners=False)
