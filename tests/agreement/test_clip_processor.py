"""How we show images to CLIP, against CLIP's own processor."""

import numpy as np
import pytest
import torch
from transformers import CLIPImageProcessorPil

from adaptoscope.style_transfer.backbones.stable_diffusion.clip_input import (
    clip_pixels,
    legacy_cast,
)

SIDE = 32


def processed(levels: np.ndarray) -> torch.Tensor:
    """What CLIP's processor makes of an 8-bit grey image, shape (3, SIDE, SIDE)."""
    processor = CLIPImageProcessorPil(
        size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}
    )
    colours = np.repeat(levels[..., None], 3, axis=-1)
    return processor(images=colours, return_tensors="pt").pixel_values[0]


@pytest.mark.parametrize("shape", [(48, 48), (60, 80), (90, 64), (20, 20)])
def test_correct_input_is_that_of_the_processor(shape: tuple[int, int]) -> None:
    levels = np.random.default_rng(0).integers(60, 196, shape).astype(np.uint8)
    pixels = torch.from_numpy(levels / 127.5 - 1).float()[None, None]
    ours = clip_pixels(pixels, SIDE, clip_input="correct", fit="crop")[0]
    # The processor rounds to 8 bits after each of two passes; a level is 1 / 255 / 0.26.
    torch.testing.assert_close(ours, processed(levels), atol=2 / 255 / 0.26, rtol=0)


@pytest.mark.parametrize("shape", [(48, 48), (60, 80)])
def test_legacy_input_is_the_processor_on_the_cast_image(shape: tuple[int, int]) -> None:
    levels = np.random.default_rng(1).integers(0, 9, shape)
    pixels = torch.from_numpy(np.where(levels == 0, -1.0, levels / 127.5 - 1)).float()
    ours = clip_pixels(pixels[None, None], SIDE, clip_input="legacy_uint8", fit="crop")[0]
    expected = processed(legacy_cast(pixels).numpy())
    torch.testing.assert_close(ours, expected, atol=1.01 / 255 / 0.26, rtol=0)
    assert (ours - expected).abs().gt(1e-4).float().mean() < 0.02
