"""Show images to a backbone: at which intensities, how large, and as which latents."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from adaptoscope.errors import SettingsError
from adaptoscope.style_transfer.backbones.protocol import Backbone, GivesMoments
from adaptoscope.style_transfer.intensity_range import BackboneRange
from adaptoscope.style_transfer.settings import USUAL, Preprocessing, preprocessing_of
from adaptoscope.style_transfer.style_file import StyleFacts


def intensity_range_of(
    pixels: NDArray[np.float32], mask: NDArray[np.integer] | None, how: Preprocessing
) -> BackboneRange:
    """Return the intensities of an image, shape (H, W), that the backbone sees as -1 and +1."""
    if how.intensities == "stored":
        return BackboneRange.stored()
    return BackboneRange.of_cells(pixels, mask)


def resize_to_working_side(pixels: NDArray[np.float32], how: Preprocessing) -> NDArray[np.float32]:
    """Bring an image, shape (H, W), to the size at which it is worked on."""
    return pixels if how.working_side is None else resize_image(pixels, (how.working_side,) * 2)


def resize_labels(labels: NDArray[np.integer], how: Preprocessing) -> NDArray[np.integer]:
    """Do the same with a label image: each pixel takes the label nearest to it."""
    if how.working_side is None:
        return labels
    rows, columns = (
        ((np.arange(how.working_side) + 0.5) * length / how.working_side).astype(np.intp)
        for length in labels.shape
    )
    return np.asarray(labels[rows[:, None], columns])


def resize_image(pixels: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Scale an image, shape (H, W), by cubic interpolation; smoothed first where it shrinks."""
    if pixels.shape == shape:
        return pixels
    batch = torch.from_numpy(np.ascontiguousarray(pixels))[None, None]
    scaled = functional.interpolate(
        batch, size=shape, mode="bicubic", align_corners=False, antialias=True
    )
    return np.asarray(scaled[0, 0].numpy(), dtype=np.float32)


def as_batch(images: Iterable[NDArray[np.float32]], multiple: int) -> torch.Tensor:
    """Stack images of one size, extended below and to the right by reflection to a multiple.

    Shape (B, 1, H, W); the original image lies in the top left corner.
    """
    stack = np.stack(list(images))
    pad = [(0, 0)] + [(0, -side % multiple) for side in stack.shape[1:]]
    return torch.from_numpy(np.pad(stack, pad, mode="reflect"))[:, None]


def encode_images(
    backbone: Backbone,
    pixels: torch.Tensor,
    how: Preprocessing,
    generators: Sequence[np.random.Generator],
) -> torch.Tensor:
    """Return the latents that stand for images, (B, 1, H, W) on the backbone's device.

    A sample of the posterior draws from the images' generators, the mean does not.
    """
    if how.posterior == "mean":
        return backbone.encode(pixels)
    assert isinstance(backbone, GivesMoments)
    mean, spread = backbone.latent_moments(pixels)
    noise = np.stack([g.standard_normal(mean.shape[1:], dtype=np.float32) for g in generators])
    return mean + spread * torch.from_numpy(noise).to(mean.device)


def refuse_unsupported(backbone: Backbone | type[Backbone], how: Preprocessing) -> None:
    """Refuse to show images to a backbone in a way that it, or its class, cannot work with."""
    if how == USUAL:
        return
    unable = [
        (name, wanted, able)
        for name, wanted, able in (
            ("intensities", how.intensities, backbone.intensities),
            ("posterior", how.posterior, backbone.posteriors),
        )
        if wanted not in able
    ]
    if unable:
        given = ", ".join(f"`{name}: {wanted}`" for name, wanted, _ in unable)
        names = " and ".join(f"`{name}`" for name, _, _ in unable)
        raise SettingsError(
            f"The backbone {backbone.name} cannot work with {given}.",
            expected=", ".join(
                " or ".join(f"`{name}: {value}`" for value in able) for name, _, able in unable
            ),
            found=given,
            remedy="use Stable Diffusion as --backbone (see experiments/backbones), or leave "
            f"{names} out",
        )


def refuse_other_preprocessing(facts: StyleFacts, how: Preprocessing) -> None:
    """Refuse to show drawings otherwise than the images of their style were shown."""
    known = preprocessing_of(facts)
    differing = [name for name in Preprocessing.model_fields if _differ(known, how, name)]
    if differing:
        raise SettingsError(
            "The style was learnt from images that were shown to the backbone in another way.",
            expected=", ".join(f"`{name}: {getattr(known, name)}`" for name in differing),
            found=", ".join(f"`{name}: {getattr(how, name)}`" for name in differing),
            remedy="change these settings, or learn the style again with them: "
            "`style learn --settings` takes the same file as `stylise --settings`",
        )


def _differ(one: Preprocessing, other: Preprocessing, name: str) -> bool:
    return bool(getattr(one, name) != getattr(other, name))
