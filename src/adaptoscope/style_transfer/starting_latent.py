"""Where the way back begins: AdaIN of drawing and style, then stochastic inversion."""

import torch

from adaptoscope.style_transfer.backbone import Backbone

_EPSILON = 1.0e-5


def latent_statistics(latents: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean and standard deviation of each channel over space.

    Parameters
    ----------
    latents
        Shape (B, C, h, w).

    Returns
    -------
    tuple
        Two tensors of shape (B, C). The variance is the unbiased one, plus 1e-5, as in the
        published code of paper 1.
    """
    variance = latents.var(dim=(2, 3), unbiased=True) + _EPSILON
    return latents.mean(dim=(2, 3)), variance.sqrt()


def adain(content: torch.Tensor, style_mean: torch.Tensor, style_sd: torch.Tensor) -> torch.Tensor:
    """Give content latents the channel statistics of a style: paper 1, eq. (4) and (5).

    Parameters
    ----------
    content
        Shape (B, C, h, w).
    style_mean, style_sd
        Shape (B, C).
    """
    mean, sd = latent_statistics(content)
    standard = (content - mean[..., None, None]) / sd[..., None, None]
    return style_sd[..., None, None] * standard + style_mean[..., None, None]  # eq. (4)


def stochastic_inversion(
    backbone: Backbone,
    initial: torch.Tensor,
    noise: torch.Tensor,
    timestep: int,
    tokens: torch.Tensor | None,
    layout: torch.Tensor | None,
) -> torch.Tensor:
    """Noise the initial latent with the noise that the model itself predicts in it.

    Fresh noise is added by eq. (6), the model says which noise it sees, and that prediction takes
    the place of the fresh noise. The first estimate of the clean latent then lies close to the
    initial one, which keeps the layout. The paper's text prints only eq. (6); its published code
    does this.

    Parameters
    ----------
    backbone
        The diffusion model; evaluated once.
    initial, noise
        Shape (B, C, h, w).
    timestep
        Step t in [0, T).
    tokens, layout
        Conditions; no guidance is applied here.
    """
    noised = backbone.schedule.add_noise(initial, noise, timestep)
    predicted = backbone.predict_noise(noised, timestep, tokens, layout)
    return backbone.schedule.add_noise(initial, predicted, timestep)
