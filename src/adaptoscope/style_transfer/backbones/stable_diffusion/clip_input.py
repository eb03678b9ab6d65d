"""How CLIP is shown an image: as it should be, or as the published code of paper 1 does it."""

import torch
from torch.nn import functional

from adaptoscope.style_transfer.backbones.stable_diffusion.settings import ClipFit, ClipInput

MEAN = (0.48145466, 0.4578275, 0.40821073)
SD = (0.26862954, 0.26130258, 0.27577711)
"""Normalisation of CLIP's training images, per colour channel."""


def clip_pixels(
    pixels: torch.Tensor, side: int, *, clip_input: ClipInput, fit: ClipFit
) -> torch.Tensor:
    """Turn one-channel images into what CLIP's image tower takes, (B, 3, side, side).

    Parameters
    ----------
    pixels
        Shape (B, 1, H, W), background near -1 and cells near +1; values beyond are clipped. For
        ``legacy_uint8`` -1 and +1 are the ends of the stored range, 0 and 255 of an 8-bit file.
    side
        Of the tower's input in pixels: 224 for ViT-L/14.
    clip_input
        ``correct`` maps -1 and +1 to black and white. ``legacy_uint8`` casts first, see
        `legacy_cast`.
    fit
        ``squash`` scales each axis to `side`; ``crop`` scales the shorter side and keeps the
        middle.
    """
    bounded = pixels.float().clamp(-1.0, 1.0)
    if clip_input == "legacy_uint8":
        scaled = _fit(legacy_cast(bounded).float(), side, fit, whole=True) / 255
    else:
        scaled = _fit((bounded + 1) / 2, side, fit).clamp(0.0, 1.0)
    mean, sd = (scaled.new_tensor(values).reshape(1, 3, 1, 1) for values in (MEAN, SD))
    return (scaled - mean) / sd


def legacy_cast(pixels: torch.Tensor) -> torch.Tensor:
    """Cast images in [-1, 1] straight to whole numbers, as the published code does by mistake.

    255 where a pixel was exactly -1 (the cast wraps around on common processors), 1 where it was
    +1, 0 in between. Almost every microscopy image turns blank.
    """
    whole = pixels.trunc()
    return torch.where(whole < 0, 255, whole).to(torch.uint8)


def _fit(grey: torch.Tensor, side: int, fit: ClipFit, *, whole: bool = False) -> torch.Tensor:
    """Resize and cut out the middle; `whole` rounds to 8 bits after each axis, as Pillow does."""
    height, width = grey.shape[2:]
    if fit == "squash":
        size = [side, side]
    else:
        shorter = min(height, width)
        size = [int(side * height / shorter), int(side * width / shorter)]
    scaled = grey
    for target in ([height, size[1]], size):
        scaled = functional.interpolate(
            scaled, size=target, mode="bicubic", align_corners=False, antialias=True
        )
        scaled = scaled.round().clamp(0, 255) if whole else scaled
    top, left = (size[0] - side) // 2, (size[1] - side) // 2
    return scaled[:, :, top : top + side, left : left + side].expand(-1, 3, -1, -1)
