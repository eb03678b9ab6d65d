"""From a clean starting latent to noise and back: inversion, sampler, guidance, guard."""

from dataclasses import dataclass

import torch
from torch.nn import functional

from adaptoscope.style_transfer.backbone import Backbone
from adaptoscope.style_transfer.diffusion.ddim import PredictNoise, Steer, ddim_decode, guided
from adaptoscope.style_transfer.diffusion.dpm_solver import dpm_solver_decode
from adaptoscope.style_transfer.diffusion.noise_schedule import (
    NoiseSchedule,
    ddim_timesteps,
)
from adaptoscope.style_transfer.diffusion.starting_latent import (
    ddim_inversion,
    stochastic_inversion,
)
from adaptoscope.style_transfer.settings import StylisationSettings


@dataclass(frozen=True)
class Conditions:
    """What the model is told besides the latents.

    Parameters
    ----------
    tokens
        Style tokens, shape (B, K, D).
    layout
        Shape (B, 9, h, w) from `layout_condition`, or none.
    """

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
    initial
        Clean latents to start from, shape (B, C, h, w).
    noise
        Fresh noise of the same shape.
    settings
        Strength, steps, inversion, sampler, guidance, guard.
    """
    noised_at, timesteps = falling_timesteps(backbone.schedule, settings)
    if not timesteps:
        return initial
    schedule = backbone.schedule
    told = (conditions.tokens, conditions.layout)
    if settings.inversion == "stochastic":
        noised, noise = stochastic_inversion(backbone, initial, noise, noised_at, *told)
    elif settings.inversion == "ddim":
        noised, noise = ddim_inversion(backbone, initial, timesteps[::-1], *told)
    else:
        noised = schedule.add_noise(initial, noise, noised_at)
    decode = ddim_decode if settings.sampler == "ddim" else dpm_solver_decode
    predict = _prediction(backbone, conditions, settings)
    return decode(schedule, noised, timesteps, predict, _guard(backbone, initial, noise, settings))


def falling_timesteps(
    schedule: NoiseSchedule, settings: StylisationSettings
) -> tuple[int, list[int]]:
    """Return the step to which the latent is noised, and the steps that lead back.

    With `official_timing` both are those of the published code of paper 1: the strength is cut
    off, not rounded, and the latent is noised for ``int(strength * T)``, above the first step
    that is then sampled (700 and 681 at strength 0.7). Without a step the latent is noised for 0,
    that is, not at all.
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


def _prediction(
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
        return guided(conditional, unconditional, settings.guidance)

    return predict


def _guard(
    backbone: Backbone,
    initial: torch.Tensor,
    noise: torch.Tensor,
    settings: StylisationSettings,
) -> Steer | None:
    """Keep the coarse structure of the starting latent while noise is still high.

    After each step the low frequencies of the latent are exchanged for those of the starting
    latent, noised to the same step (in the manner of ILVR, Choi et al., 2021). It needs no
    training and works with any backbone.
    """
    if settings.guard == 0:
        return None
    released = (1 - settings.guard) * settings.strength * backbone.schedule.steps

    def steer(latents: torch.Tensor, timestep: int) -> torch.Tensor:
        if timestep < released:
            return latents
        content = backbone.schedule.add_noise(initial, noise, timestep)
        return latents + _low_frequencies(content - latents, settings.guard_factor)

    return steer


def _low_frequencies(latents: torch.Tensor, factor: int) -> torch.Tensor:
    coarse = functional.avg_pool2d(latents, factor, ceil_mode=True, count_include_pad=False)
    size = [int(side) for side in latents.shape[2:]]
    return functional.interpolate(coarse, size=size, mode="bilinear", align_corners=False)
