"""Adaptive instance normalisation (AdaIN) of latents: paper 1, eq. (4) and (5)."""

import torch

Statistics = tuple[torch.Tensor, torch.Tensor]
"""Mean and standard deviation of each channel, shape (B, C) each."""

# As in the published code of paper 1; keeps the deviation of a constant channel above 0.
_EPSILON = 1.0e-5
# Of one latent pixel: below that a region counts as empty and is not divided by.
_LEAST_COVER = 1.0e-3


def latent_statistics(latents: torch.Tensor, cover: torch.Tensor | None = None) -> Statistics:
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
        The variance is the unbiased one, plus 1e-5; under a cover it is the weighted one. Where
        the cover is 0 everywhere, mean and variance are 0.
    """
    if cover is None:
        variance = latents.var(dim=(2, 3), unbiased=True) + _EPSILON
        return latents.mean(dim=(2, 3)), variance.sqrt()
    total = cover.sum(dim=(2, 3)).clamp_min(_LEAST_COVER)
    mean = (latents * cover).sum(dim=(2, 3)) / total
    squares = (latents - mean[..., None, None]) ** 2
    return mean, ((squares * cover).sum(dim=(2, 3)) / total + _EPSILON).sqrt()


def adain(content: torch.Tensor, style_mean: torch.Tensor, style_sd: torch.Tensor) -> torch.Tensor:
    """Give content latents, shape (B, C, h, w), the channel statistics (B, C) of a style."""
    return _exchange(content, latent_statistics(content), (style_mean, style_sd))


def adain_by_region(
    content: torch.Tensor, cover: torch.Tensor, cells: Statistics, background: Statistics
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
    cells, background
        Statistics of the style inside and outside its cells.
    """
    inside, outside = (
        _exchange(content, latent_statistics(content, weight), style)
        for weight, style in ((cover, cells), (1 - cover, background))
    )
    return cover * inside + (1 - cover) * outside


def _exchange(content: torch.Tensor, own: Statistics, style: Statistics) -> torch.Tensor:
    mean, sd, style_mean, style_sd = (value[..., None, None] for value in (*own, *style))
    return style_sd * (content - mean) / sd + style_mean  # paper 1, eq. (4)
