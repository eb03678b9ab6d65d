import numpy as np
import pytest
import torch

from adaptoscope.style_transfer.backbones.stable_diffusion.clip_input import (
    MEAN,
    SD,
    clip_pixels,
    legacy_cast,
)


def shown(pixels: torch.Tensor, side: int = 8, **options: str) -> torch.Tensor:
    """What CLIP is shown, with its normalisation undone: 0 black, 1 white."""
    chosen = {"clip_input": "correct", "fit": "squash"} | options
    seen = clip_pixels(pixels, side, **chosen)
    mean, sd = (torch.tensor(values).reshape(1, 3, 1, 1) for values in (MEAN, SD))
    return seen * sd + mean


def test_the_legacy_cast_leaves_black_and_white_only() -> None:
    values = torch.tensor([-1.0, -0.999, -0.5, -1e-7, 0.0, 0.5, 0.999, 1.0])
    assert legacy_cast(values).tolist() == [255, 0, 0, 0, 0, 0, 0, 1]
    assert legacy_cast(values).dtype == torch.uint8


def test_the_legacy_cast_is_that_of_numpy_through_signed_numbers() -> None:
    values = np.random.default_rng(0).uniform(-1, 1, 200).astype(np.float32)
    values[:3] = -1, 1, 0
    expected = values.astype(np.int64).astype(np.uint8)
    np.testing.assert_array_equal(legacy_cast(torch.from_numpy(values)).numpy(), expected)


def test_correct_input_maps_minus_one_to_black_and_one_to_white() -> None:
    pixels = torch.tensor([-3.0, -1.0, 0.0, 1.0, 4.0]).reshape(5, 1, 1, 1).expand(-1, -1, 8, 8)
    seen = shown(pixels)
    torch.testing.assert_close(seen[:, 0, 0, 0], torch.tensor([0.0, 0.0, 0.5, 1.0, 1.0]))
    torch.testing.assert_close(seen[:, 0], seen[:, 2])


def test_legacy_input_is_nearly_blank_whatever_the_image() -> None:
    pixels = torch.rand(2, 1, 16, 16) * 1.9 - 0.95
    assert not shown(pixels, clip_input="legacy_uint8").gt(1e-6).any()
    black = torch.full((1, 1, 16, 16), -1.0)
    torch.testing.assert_close(
        shown(black, clip_input="legacy_uint8"), torch.ones(1, 3, 8, 8), atol=1e-6, rtol=0
    )


def test_a_crop_loses_the_borders_of_a_wide_field_and_a_squash_keeps_them() -> None:
    pixels = torch.full((1, 1, 16, 32), -1.0)
    pixels[..., :4] = 1.0
    assert shown(pixels, fit="crop").max() < 0.1
    assert shown(pixels, fit="squash")[..., 0].min() > 0.9


@pytest.mark.parametrize("shape", [(8, 8), (9, 31), (31, 9), (7, 5)])
@pytest.mark.parametrize("fit", ["crop", "squash"])
def test_every_field_becomes_the_towers_square(shape: tuple[int, int], fit: str) -> None:
    assert shown(torch.zeros(2, 1, *shape), fit=fit).shape == (2, 3, 8, 8)
