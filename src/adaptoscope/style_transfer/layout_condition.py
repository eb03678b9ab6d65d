"""The layout condition: where the cells are, at the resolution of the latents."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import find_boundaries
from torch.nn import functional

from adaptoscope.style_transfer.backbones.protocol import FACTOR

# Coverage and depth.
PLANES = 2
_PARTS = 2
"""Values of a plane along each side of a latent pixel."""
CHANNELS = PLANES * _PARTS**2 + 1
"""Those of both planes, and whether there is a layout."""


def layout_planes(labels: NDArray[np.integer]) -> NDArray[np.float32]:
    """Turn an instance mask, shape (H, W), into coverage and depth, shape (2, H, W), in [0, 1].

    Coverage is 1 inside any cell; depth is the distance to the cell's own edge as a share of its
    largest value in that cell, so that touching cells stay apart.
    """
    inside = labels > 0
    interior = inside & ~find_boundaries(labels, mode="inner", background=0)
    depth = ndimage.distance_transform_edt(interior)
    deepest = np.zeros(int(labels.max(initial=0)) + 1)
    np.maximum.at(deepest, labels.ravel(), depth.ravel())
    share = depth / np.maximum(deepest, 1.0)[labels]
    return np.stack([inside, np.where(inside, share, 0.0)]).astype(np.float32)


def cell_cover(planes: torch.Tensor) -> torch.Tensor:
    """Return the share of each latent pixel that lies inside cells, shape (B, 1, H / 8, W / 8).

    Layout planes have shape (B, 2, H, W); H and W are multiples of 8.
    """
    return functional.avg_pool2d(planes[:, :1], FACTOR)


def layout_condition(planes: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    """Bring layout planes, shape (B, 2, H, W), to the grid of the latents, (B, 9, H / 8, W / 8).

    Each plane is averaged over 4 x 4 pixels, four values per latent pixel; the last channel says
    whether a layout is given. Where `present`, shape (B,), is false, all channels are 0.
    """
    quarters = functional.pixel_unshuffle(functional.avg_pool2d(planes, FACTOR // _PARTS), _PARTS)
    flag = torch.ones_like(quarters[:, :1])
    given = present.to(quarters.dtype).reshape(-1, 1, 1, 1)
    return torch.cat([quarters, flag], dim=1) * given
