"""From clean latents into noise: stochastic inversion of paper 1's code, or DDIM inversion.

Both return the noised latents and the noise in them. The third way, fresh noise by eq. (6), is
`NoiseSchedule.add_noise`. Conditions are given as they are; no guidance is applied here.
"""

from collections.abc import Sequence

import torch

from adaptoscope.style_transfer.backbones.protocol import Backbone


def stochastic_inversion(
    backbone: Backbone,
    initial: torch.Tensor,
    noise: torch.Tensor,
    timestep: int,
    tokens: torch.Tensor | None,
    layout: torch.Tensor | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise latents, shape (B, C, h, w), with the noise that the model itself predicts in them.

    Fresh noise is added by eq. (6), the model says which noise it sees, and that prediction takes
    the place of the fresh noise. The first estimate of the clean latent then lies close to the
    initial one, which keeps the layout. The paper's text prints only eq. (6); its published code
    does this.
    """
    noised = backbone.schedule.add_noise(initial, noise, timestep)
    predicted = backbone.predict_noise(noised, timestep, tokens, layout)
    return backbone.schedule.add_noise(initial, predicted, timestep), predicted


def ddim_inversion(
    backbone: Backbone,
    initial: torch.Tensor,
    timesteps: Sequence[int],
    tokens: torch.Tensor | None,
    layout: torch.Tensor | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Run DDIM upwards along rising time steps: no random number, one evaluation a step."""
    alpha_bar = backbone.schedule.alpha_bar
    latents, noise, reached = initial, torch.zeros_like(initial), 0
    for timestep in timesteps:
        noise = backbone.predict_noise(latents, reached, tokens, layout)
        clean = (latents - (1 - alpha_bar[reached]) ** 0.5 * noise) / alpha_bar[reached] ** 0.5
        latents = alpha_bar[timestep] ** 0.5 * clean + (1 - alpha_bar[timestep]) ** 0.5 * noise
        reached = timestep
    return latents, noise
