"""Where the way back begins: AdaIN of drawing and style, then inversion into noise."""

from collections.abc import Sequence

import torch

from adaptoscope.style_transfer.backbone import Backbone

_EPSILON = 1.0e-5
_LEAST_COVER = 1.0e-3


def latent_statistics(
    latents: torch.Tensor, cover: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean and standard deviation of each channel over space.

    Parameters
    ----------
    latents
        Shape (B, C, h, w).
    cover
        Weight of each place, shape (B, 1, h, w), at least 0; all alike if not given.

    Returns
    -------
    tuple
        Two tensors of shape (B, C). The variance is the unbiased one, plus 1e-5, as in the
        published code of paper 1; under a cover it is the weighted one. Where the cover is 0
        everywhere, mean and variance are 0.
    """
    if cover is None:
        variance = latents.var(dim=(2, 3), unbiased=True) + _EPSILON
        return latents.mean(dim=(2, 3)), variance.sqrt()
    total = cover.sum(dim=(2, 3)).clamp_min(_LEAST_COVER)
    mean = (latents * cover).sum(dim=(2, 3)) / total
    squares = (latents - mean[..., None, None]) ** 2
    return mean, ((squares * cover).sum(dim=(2, 3)) / total + _EPSILON).sqrt()


def adain(content: torch.Tensor, style_mean: torch.Tensor, style_sd: torch.Tensor) -> torch.Tensor:
    """Give content latents the channel statistics of a style: paper 1, eq. (4) and (5).

    Parameters
    ----------
    content
        Shape (B, C, h, w).
    style_mean, style_sd
        Shape (B, C).
    """
    return _moved(content, latent_statistics(content), (style_mean, style_sd))


def adain_by_region(
    content: torch.Tensor,
    cover: torch.Tensor,
    cells: tuple[torch.Tensor, torch.Tensor],
    ground: tuple[torch.Tensor, torch.Tensor],
) -> torch.Tensor:
    """Give content latents the channel statistics of a style, cells and background apart.

    Statistics of a whole image depend on how much of it is covered by cells: a sparse drawing that
    takes over those of a denser image gets a background as lively as cells. Two regions do not.

    Parameters
    ----------
    content
        Shape (B, C, h, w).
    cover
        Share of each latent pixel that lies inside cells, shape (B, 1, h, w).
    cells, ground
        Mean and standard deviation of the style inside and outside its cells, shape (B, C) each.
    """
    inside, outside = (
        _moved(content, latent_statistics(content, weight), style)
        for weight, style in ((cover, cells), (1 - cover, ground))
    )
    return cover * inside + (1 - cover) * outside


def _moved(
    content: torch.Tensor,
    own: tuple[torch.Tensor, torch.Tensor],
    style: tuple[torch.Tensor, torch.Tensor],
) -> torch.Tensor:
    mean, sd, style_mean, style_sd = (value[..., None, None] for value in (*own, *style))
    return style_sd * (content - mean) / sd + style_mean  # paper 1, eq. (4)


def stochastic_inversion(
    backbone: Backbone,
    initial: torch.Tensor,
    noise: torch.Tensor,
    timestep: int,
    tokens: torch.Tensor | None,
    layout: torch.Tensor | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise the initial latent with the noise that the model itself predicts in it.

    Fresh noise is added by eq. (6), the model says which noise it sees, and that prediction takes
    the place of the fresh noise. The first estimate of the clean latent then lies close to the
    initial one, which keeps the layout. The paper's text prints only eq. (6); its published code
    does this.

    Parameters
    ----------
    initial, noise
        Shape (B, C, h, w).
    timestep
        Step t in [0, T).
    tokens, layout
        Conditions; no guidance is applied here.

    Returns
    -------
    tuple
        The noised latent, and the noise in it.
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
    """Run the sampler's way upwards: no random number, one evaluation a step.

    Parameters
    ----------
    initial
        Clean latents, shape (B, C, h, w).
    timesteps
        Rising; the latent ends at the last one.
    tokens, layout
        Conditions; no guidance is applied here.

    Returns
    -------
    tuple
        The noised latent, and the noise that the last evaluation saw in it.
    """
    alpha_bar = backbone.schedule.alpha_bar
    latents, noise, reached = initial, torch.zeros_like(initial), 0
    for timestep in timesteps:
        noise = backbone.predict_noise(latents, reached, tokens, layout)
        clean = (latents - (1 - alpha_bar[reached]) ** 0.5 * noise) / alpha_bar[reached] ** 0.5
        latents = alpha_bar[timestep] ** 0.5 * clean + (1 - alpha_bar[timestep]) ** 0.5 * noise
        reached = timestep
    return latents, noise
