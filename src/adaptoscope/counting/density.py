"""Densities of cells, drawn from their centres for training."""

import torch

from adaptoscope.counting.peaks import SPREAD


def density_of_centres(
    centres: torch.Tensor, side: int, stride: int, *, spread: float = SPREAD
) -> torch.Tensor:
    """Draw each cell as a Gaussian that sums to 1.

    Parameters
    ----------
    centres
        Shape (B, N, 2), (row, column) in pixels of the crop. Cells outside the crop are drawn as
        far as they reach into it; those far away leave nothing.
    side
        Places along each axis.
    stride
        Pixels per place.

    Returns
    -------
    torch.Tensor
        Shape (B, 1, side, side), in cells per place.
    """
    places = torch.arange(side, device=centres.device)
    along = (centres.float()[..., None] - (stride - 1) / 2) / stride - places
    bells = torch.exp(-0.5 * (along / spread).square()) / (spread * (2 * torch.pi) ** 0.5)
    return torch.einsum("bnh,bnw->bhw", bells[:, :, 0], bells[:, :, 1])[:, None]
