"""Give drawings the look of a style: AdaIN, inversion, DDIM, AdaIN, decode, glow, fine noise."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from adaptoscope.images.measurement import segment_nuclei
from adaptoscope.images.randomness import generator_of
from adaptoscope.style_transfer.backbones.protocol import Backbone
from adaptoscope.style_transfer.backbones.tiled import in_tiles
from adaptoscope.style_transfer.diffusion.adain import adain, adain_by_region
from adaptoscope.style_transfer.diffusion.sampling import Conditions, evaluations, noise_and_denoise
from adaptoscope.style_transfer.fine_residual import draw_residual
from adaptoscope.style_transfer.glow import glow_of_cells
from adaptoscope.style_transfer.intensity_range import BackboneRange
from adaptoscope.style_transfer.layout_condition import cell_cover, layout_condition, layout_planes
from adaptoscope.style_transfer.micro_batches import place_of
from adaptoscope.style_transfer.preprocessing import (
    as_batch,
    encode_images,
    intensity_range_of,
    refuse_other_preprocessing,
    refuse_unsupported,
    resize_image,
    resize_labels,
    resize_to_working_side,
)
from adaptoscope.style_transfer.settings import StylisationSettings
from adaptoscope.style_transfer.style_file import Style
from adaptoscope.style_transfer.style_image_choice import choose_style_image, usable_style_images


@dataclass(frozen=True)
class Drawing:
    """A drawing as stylisation takes it.

    Parameters
    ----------
    name
        Its file name; with the seed, the source of all its randomness.
    pixels
        Shape (H, W), in [0, 1].
    mask
        Instance mask, shape (H, W), or none.
    cells_per_mpx
        Density of its cells, or none if unknown.
    """

    name: str
    pixels: NDArray[np.float32]
    mask: NDArray[np.uint16] | None
    cells_per_mpx: float | None


@dataclass(frozen=True)
class Stylised:
    """A stylised drawing.

    Parameters
    ----------
    pixels
        Shape (H, W), in [0, 1] of the style's stored range.
    style_image
        Name of the style image that was taken.
    """

    pixels: NDArray[np.float32]
    style_image: str


@torch.no_grad()
def stylise_batch(
    drawings: Sequence[Drawing],
    style: Style,
    backbone: Backbone,
    settings: StylisationSettings,
    *,
    attempt: int = 0,
) -> list[Stylised]:
    """Stylise drawings of one size, as a micro-batch whose empty places are filled with copies.

    Parameters
    ----------
    drawings
        Drawings of one size, each with another `place_of`; see `micro_batches.arrange`.
    backbone
        The diffusion model that the style was learnt with.
    attempt
        Number of the attempt; each has its own noise, all take after the same style image.
    """
    refuse_unsupported(backbone, settings)
    refuse_other_preprocessing(style.facts, settings)
    places = [place_of(drawing.name, settings.batch) for drawing in drawings]
    filled = [drawings[0]] * settings.batch
    for place, drawing in zip(places, drawings, strict=True):
        filled[place] = drawing
    chosen, generators = _choose_style_images(filled, style, settings, attempt)
    content = [_preprocess(drawing, settings) for drawing in filled]
    height, width = content[0].shape
    backbone = in_tiles(backbone, height, width, settings.tile)
    device = backbone.device
    batch = as_batch(content, backbone.multiple).to(device)
    encoded = encode_images(backbone, batch, settings, generators).cpu()
    planes, masked = _layout(filled, (height, width), backbone.multiple, settings)
    cover = cell_cover(planes)
    initial = _match_statistics(style, chosen, encoded, cover, masked, settings)
    noise = torch.from_numpy(
        np.stack([g.standard_normal(initial.shape[1:], dtype=np.float32) for g in generators])
    )
    layout = layout_condition(planes, masked).to(device) if settings.use_layout else None
    conditions = Conditions(style.tokens[chosen].to(device), layout)
    latents = noise_and_denoise(
        initial.to(device), noise.to(device), conditions, backbone, settings
    )
    if settings.adain_after and evaluations(backbone.schedule, settings):
        latents = _match_statistics(style, chosen, latents.cpu(), cover, masked, settings)
        latents = latents.to(device)
    decoded = backbone.decode(latents)[:, 0].cpu().numpy()
    return [
        _finish(decoded[i, :height, :width], filled[i], style, chosen[i], generators[i], settings)
        for i in places
    ]


def _choose_style_images(
    drawings: Sequence[Drawing], style: Style, settings: StylisationSettings, attempt: int
) -> tuple[list[int], list[np.random.Generator]]:
    """Return the style image of each drawing, the same in every attempt, and what draws noise."""
    generators = [generator_of(settings.seed, drawing.name) for drawing in drawings]
    candidates = usable_style_images(style, settings)
    chosen = [
        choose_style_image(style, drawing.cells_per_mpx, settings.reference, generator, candidates)
        for drawing, generator in zip(drawings, generators, strict=True)
    ]
    if attempt:
        generators = [generator_of(settings.seed, drawing.name, attempt) for drawing in drawings]
    return chosen, generators


def _match_statistics(
    style: Style,
    chosen: Sequence[int],
    content: torch.Tensor,
    cover: torch.Tensor,
    masked: torch.Tensor,
    settings: StylisationSettings,
) -> torch.Tensor:
    """Give each latent the statistics of its style image: by region where it has a mask."""
    if settings.adain == "none":
        return content
    whole = adain(content, style.latent_mean[chosen], style.latent_sd[chosen])
    if settings.adain == "whole":
        return whole
    regions = adain_by_region(
        content,
        cover,
        (style.cell_mean[chosen], style.cell_sd[chosen]),
        (style.ground_mean[chosen], style.ground_sd[chosen]),
    )
    return torch.where(masked[:, None, None, None], regions, whole)


def _preprocess(drawing: Drawing, settings: StylisationSettings) -> NDArray[np.float32]:
    span = intensity_range_of(drawing.pixels, drawing.mask, settings)
    return resize_to_working_side(span.to_model(drawing.pixels), settings)


def _layout(
    drawings: Sequence[Drawing],
    size: tuple[int, int],
    multiple: int,
    settings: StylisationSettings,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return layout planes, shape (B, 2, H, W), and which drawings have a mask, shape (B,)."""
    height, width = size
    empty = np.zeros(size, np.uint16)
    masks = [
        empty if drawing.mask is None else resize_labels(drawing.mask, settings)
        for drawing in drawings
    ]
    planes = np.stack([layout_planes(mask) for mask in masks])
    pad = [(0, 0), (0, 0), (0, -height % multiple), (0, -width % multiple)]
    extended = torch.from_numpy(np.pad(planes, pad, mode="reflect"))
    return extended, torch.tensor([drawing.mask is not None for drawing in drawings])


def _finish(
    decoded: NDArray[np.float32],
    drawing: Drawing,
    style: Style,
    row: int,
    generator: np.random.Generator,
    settings: StylisationSettings,
) -> Stylised:
    """Bring what was decoded to size and range, with glow and fine noise of the style image."""
    decoded = resize_image(decoded, drawing.pixels.shape)
    glow = style.glow(row)
    if settings.glow and glow is not None:
        mask = segment_nuclei(drawing.pixels)[0] if drawing.mask is None else drawing.mask
        decoded = decoded + glow_of_cells(decoded, mask > 0, glow)
    if settings.residual:
        decoded = decoded + draw_residual(style.residual(row), decoded, generator)
    image = style.facts.images[row]
    span = BackboneRange(image.intensity_low, image.intensity_high)
    return Stylised(span.from_model(decoded), image.name)
