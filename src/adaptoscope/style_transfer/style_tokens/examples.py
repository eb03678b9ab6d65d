"""What a token is learnt from: the latents of style images, encoded once and cropped each step."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.transform import resize

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.errors import InputError
from adaptoscope.images.measurement import segment_nuclei
from adaptoscope.style_transfer.backbones.protocol import FACTOR, Backbone, GivesMoments
from adaptoscope.style_transfer.backbones.tiled import in_tiles
from adaptoscope.style_transfer.layout_condition import layout_condition, layout_planes
from adaptoscope.style_transfer.preprocessing import as_batch, intensity_range_of
from adaptoscope.style_transfer.style_tokens.settings import TokenSettings
from adaptoscope.training.progress import progress

# Pixels; the crops that `compact` was trained on.
_USUAL_SIDE = 128
# Pixels; the multiple of `compact`.
_SMALLEST = 32


@dataclass(frozen=True)
class StyleExample:
    """One style image as the training steps need it; V versions, the second one mirrored.

    Parameters
    ----------
    pixels
        The whole field, shape (1, 1, H, W), near [-1, 1]: what tokens are read off, by the
        backbone or by CLIP; under ``legacy_uint8`` the ends of the stored range are -1 and +1.
    mean, spread
        Of its latents, shape (V, C, h, w).
    layout
        Layout condition, shape (V, 9, h, w), or none.
    """

    pixels: torch.Tensor
    mean: torch.Tensor
    spread: torch.Tensor
    layout: torch.Tensor | None


@dataclass(frozen=True)
class ExampleBatch:
    """Crops for one training step: latents (B, C, s, s), layout (B, 9, s, s) or none.

    `rows`, shape (B,), says which style image each crop is from.
    """

    rows: torch.Tensor
    latents: torch.Tensor
    layout: torch.Tensor | None


class StyleExamples:
    """Encoded style images, from which crops of one size are drawn.

    `side` is wanted, in latent pixels; crops are smaller if an image is.
    """

    def __init__(self, examples: Sequence[StyleExample], side: int) -> None:
        self.examples = examples
        self.side = min(side, *(min(each.mean.shape[2:]) for each in examples))

    def draw(self, rng: np.random.Generator, batch: int) -> ExampleBatch:
        """Draw crops; latents are sampled anew from their distribution by PyTorch's generator."""
        rows = rng.integers(len(self.examples), size=batch)
        latents, layouts = [], []
        for row in rows:
            example = self.examples[row]
            versions, _, height, width = example.mean.shape
            top, left = rng.integers((height - self.side + 1, width - self.side + 1))
            place = (
                rng.integers(versions),
                slice(None),
                slice(top, top + self.side),
                slice(left, left + self.side),
            )
            mean, spread = example.mean[place], example.spread[place]
            latents.append(mean + spread * torch.randn_like(mean))
            layouts.append(None if example.layout is None else example.layout[place])
        known = [layout for layout in layouts if layout is not None]
        return ExampleBatch(
            rows=torch.from_numpy(rows).to(latents[0].device),
            latents=torch.stack(latents),
            layout=torch.stack(known) if known else None,
        )


@torch.no_grad()
def read_examples(
    images: CountedImageSet, backbone: Backbone, settings: TokenSettings, device: torch.device
) -> StyleExamples:
    """Read and encode style images, large ones in tiles; latents are kept on `device`."""
    side = settings.side or int(getattr(backbone, "training_side", _USUAL_SIDE))
    examples = []
    for record in progress(images, "encode the style images", len(images), unit="image"):
        pixels = images.read(record).pixels
        _refuse_small(record.file_name, pixels.shape)
        examples.append(_encode(pixels, settings, side, backbone, device))
    return StyleExamples(examples, side // FACTOR)


def refuse_small_images(images: CountedImageSet) -> None:
    """Refuse images that are too small to learn from, by their headers."""
    for record in images:
        _refuse_small(record.file_name, images.size(record))


def _refuse_small(name: str, size: tuple[int, int]) -> None:
    if min(size) < _SMALLEST:
        raise InputError(
            f"The style image {name} is too small.",
            expected=f"at least {_SMALLEST} x {_SMALLEST} pixels",
            found=f"{size[0]} x {size[1]}",
            remedy="use larger images",
        )


def _squash(
    field: NDArray[np.float32], labels: NDArray[np.integer], side: int
) -> tuple[NDArray[np.float32], NDArray[np.integer]]:
    square = resize(field, (side, side), order=3, mode="reflect", anti_aliasing=False)
    cells = resize(labels, (side, side), order=0, preserve_range=True, anti_aliasing=False)
    return square.astype(np.float32), cells.astype(labels.dtype)


def _encode(
    pixels: NDArray[np.float32],
    settings: TokenSettings,
    side: int,
    backbone: Backbone,
    device: torch.device,
) -> StyleExample:
    labels: NDArray[np.integer] = segment_nuclei(pixels)[0]
    field = intensity_range_of(pixels, labels, settings.shown).to_model(pixels)
    # The published code shows CLIP the stored intensities, not those that the backbone sees.
    shown = 2 * pixels - 1 if settings.clip_input_used == "legacy_uint8" else field
    seen = field
    if settings.fit == "squash":
        seen, labels = _squash(field, labels, side)
    mirrored = (1, -1) if settings.flips else (1,)
    batch = as_batch([seen[:, ::step] for step in mirrored], backbone.multiple).to(device)
    mean, spread = _encode_moments(batch, in_tiles(backbone, seen.shape[0], seen.shape[1], None))
    layout = None
    if settings.use_layout:
        planes = layout_planes(labels)
        rows = [as_batch(planes[:, :, ::step], backbone.multiple)[:, 0] for step in mirrored]
        layout = layout_condition(torch.stack(rows), torch.ones(len(rows), dtype=torch.bool))
    height, width = (max(1, side // FACTOR) for side in seen.shape)
    return StyleExample(
        pixels=torch.from_numpy(np.ascontiguousarray(shown))[None, None].to(device),
        mean=mean[:, :, :height, :width].clone(),
        spread=spread[:, :, :height, :width].clone(),
        layout=None if layout is None else layout[:, :, :height, :width].to(device),
    )


def _encode_moments(batch: torch.Tensor, backbone: Backbone) -> tuple[torch.Tensor, torch.Tensor]:
    if isinstance(backbone, GivesMoments):
        return backbone.latent_moments(batch)
    mean = backbone.encode(batch)
    return mean, torch.zeros_like(mean)
