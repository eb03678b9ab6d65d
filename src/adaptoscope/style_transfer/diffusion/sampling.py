"""From a clean starting latent to noise and back: inversion, then a sampler with guidance."""

from dataclasses import dataclass

import torch

from adaptoscope.style_transfer.backbones.protocol import Backbone
from adaptoscope.style_transfer.diffusion.ddim import PredictNoise, apply_guidance, ddim_decode
from adaptoscope.style_transfer.diffusion.dpm_solver import dpm_solver_decode
from adaptoscope.style_transfer.diffusion.inversion import ddim_inversion, stochastic_inversion
from adaptoscope.style_transfer.diffusion.low_frequency_guidance import low_frequency_guidance
from adaptoscope.style_transfer.diffusion.noise_schedule import NoiseSchedule, ddim_timesteps
from adaptoscope.style_transfer.settings import StylisationSettings

SAMPLERS = {"ddim": ddim_decode, "dpm_solver": dpm_solver_decode}


@dataclass(frozen=True)
class Conditions:
    """Style tokens, shape (B, K, D), and the layout, shape (B, 9, h, w) or none."""

    tokens: torch.Tensor
    layout: torch.Tensor | None


def noise_and_denoise(
    initial: torch.Tensor,
    noise: torch.Tensor,
    conditions: Conditions,
    backbone: Backbone,
    settings: StylisationSettings,
) -> torch.Tensor:
    """Noise starting latents as far as the strength says, and denoise them under the style.

    Parameters
    ----------
    initial, noise
        Clean latents to start from, and fresh noise, shape (B, C, h, w).
    """
    schedule = backbone.schedule
    noised_at, timesteps = falling_timesteps(schedule, settings)
    if not timesteps:
        return initial
    told = (conditions.tokens, conditions.layout)
    if settings.inversion == "stochastic":
        noised, noise = stochastic_inversion(backbone, initial, noise, noised_at, *told)
    elif settings.inversion == "ddim":
        noised, noise = ddim_inversion(backbone, initial, timesteps[::-1], *told)
    else:
        noised = schedule.add_noise(initial, noise, noised_at)
    return SAMPLERS[settings.sampler](
        schedule,
        noised,
        timesteps,
        _guided_prediction(backbone, conditions, settings),
        low_frequency_guidance(schedule, initial, noise, settings),
    )


def falling_timesteps(
    schedule: NoiseSchedule, settings: StylisationSettings
) -> tuple[int, list[int]]:
    """Return the step to which the latent is noised, and the steps that lead back.

    With `official_timing` both are those of the published code of paper 1: the strength is cut
    off, not rounded, and the latent is noised for ``int(strength * T)``, above the first step
    that is then sampled (700 and 681 at strength 0.7). Without a step the latent is not noised.
    """
    grid, count = ddim_timesteps(schedule, settings.steps), settings.sampled_steps
    if not count:
        return 0, []
    noised_at = int(grid[count - 1])
    if settings.official_timing:
        noised_at = min(int(settings.strength * schedule.steps), schedule.steps - 1)
    return noised_at, [int(step) for step in grid[:count][::-1]]


def evaluations(schedule: NoiseSchedule, settings: StylisationSettings) -> int:
    """Return how often the network is evaluated for one image, all attempts together."""
    _, timesteps = falling_timesteps(schedule, settings)
    if not timesteps:
        return 0
    low, high = (share * schedule.steps for share in settings.guidance_interval)
    guides = settings.guidance != 1.0
    sampled = sum(1 + (guides and low <= step <= high) for step in timesteps)
    inverted = {"stochastic": 1, "ddim": len(timesteps), "sdedit": 0}[settings.inversion]
    return settings.best_of * (inverted + sampled)


def _guided_prediction(
    backbone: Backbone, conditions: Conditions, settings: StylisationSettings
) -> PredictNoise:
    low, high = (share * backbone.schedule.steps for share in settings.guidance_interval)

    def predict(latents: torch.Tensor, timestep: int) -> torch.Tensor:
        conditional = backbone.predict_noise(
            latents, timestep, conditions.tokens, conditions.layout
        )
        if settings.guidance == 1.0 or not low <= timestep <= high:
            return conditional
        unconditional = backbone.predict_noise(latents, timestep, None, conditions.layout)
        return apply_guidance(conditional, unconditional, settings.guidance)

    return predict
