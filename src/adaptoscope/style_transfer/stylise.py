"""Give drawings the look of a style: AdaIN, inversion, DDIM, AdaIN, decode, glow, fine noise."""

import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from adaptoscope.errors import InputError
from adaptoscope.images.measurement import segment_nuclei
from adaptoscope.images.randomness import generator_of
from adaptoscope.style_transfer.backbone import Backbone
from adaptoscope.style_transfer.diffusion.sampling import Conditions, evaluations, noise_and_denoise
from adaptoscope.style_transfer.diffusion.starting_latent import adain, adain_by_region
from adaptoscope.style_transfer.fine_residual import FineResidual, draw_residual
from adaptoscope.style_transfer.glow import Glow, glow_of_cells
from adaptoscope.style_transfer.intensity_range import IntensityRange
from adaptoscope.style_transfer.layout import cell_cover, layout_condition, layout_planes
from adaptoscope.style_transfer.learn_style import as_batch
from adaptoscope.style_transfer.presentation import (
    at_working_side,
    labels_at_working_side,
    latents_shown,
    range_shown,
    refuse_other_presentation,
    refuse_unable,
    resized,
)
from adaptoscope.style_transfer.reference_choice import nearest_by_density
from adaptoscope.style_transfer.settings import StylisationSettings
from adaptoscope.style_transfer.style_file import Style
from adaptoscope.style_transfer.tiled_backbone import in_tiles


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
    reference
        Name of the style image that was taken.
    """

    pixels: NDArray[np.float32]
    reference: str


def place_of(name: str, batch: int) -> int:
    """Return an image's place in a micro-batch: a function of its name alone.

    Parameters
    ----------
    name
        File name. If it ends in a number before the suffix, as generated names do, consecutive
        images take consecutive places.
    """
    number = re.search(r"(\d+)(?:\.\w+)?$", name)
    return (int(number[1]) if number else zlib.crc32(name.encode())) % batch


def arrange(names: Iterable[str], batch: int) -> list[tuple[str, ...]]:
    """Divide images into micro-batches in which no two have the same place."""
    queues: dict[int, list[str]] = defaultdict(list)
    for name in sorted(names):
        queues[place_of(name, batch)].append(name)
    longest = max((len(queue) for queue in queues.values()), default=0)
    return [
        tuple(queue[turn] for _, queue in sorted(queues.items()) if turn < len(queue))
        for turn in range(longest)
    ]


@torch.no_grad()
def stylise_batch(
    drawings: Sequence[Drawing],
    style: Style,
    backbone: Backbone,
    settings: StylisationSettings,
    *,
    attempt: int = 0,
) -> list[Stylised]:
    """Stylise drawings of one size, as a micro-batch of fixed shape.

    Every drawing has its own place in the batch, and empty places are filled with copies, so that
    a result depends neither on how many drawings there are nor on their order: the arithmetic of a
    processor may differ in the last bit between places, but not with what stands in the others.

    Parameters
    ----------
    drawings
        Drawings of one size, each with another `place_of`; see `arrange`.
    backbone
        The diffusion model that the style was learnt with.
    settings
        Strength, steps, inversion, sampler, guidance, layout.
    attempt
        Number of the attempt; each has its own noise, all take after the same style image.

    Returns
    -------
    list of Stylised
        One for each drawing, in order.
    """
    refuse_unable(backbone, settings)
    refuse_other_presentation(style.facts, settings)
    places = [place_of(drawing.name, settings.batch) for drawing in drawings]
    filled = [drawings[0]] * settings.batch
    for place, drawing in zip(places, drawings, strict=True):
        filled[place] = drawing
    references, generators = _references_of(filled, style, settings, attempt)
    content = [_seen(drawing, settings) for drawing in filled]
    height, width = content[0].shape
    backbone = in_tiles(backbone, height, width, settings.tile)
    device = backbone.device
    batch = as_batch(content, backbone.multiple).to(device)
    encoded = latents_shown(backbone, batch, settings, generators).cpu()
    planes, present = _planes_of(filled, (height, width), backbone.multiple, settings)
    cover = cell_cover(planes)
    initial = _with_statistics_of(style, references, encoded, cover, present, settings)
    noise = torch.from_numpy(
        np.stack([g.standard_normal(initial.shape[1:], dtype=np.float32) for g in generators])
    )
    layout = layout_condition(planes, present).to(device) if settings.use_layout else None
    conditions = Conditions(style.tokens[references].to(device), layout)
    latents = noise_and_denoise(
        initial.to(device), noise.to(device), conditions, backbone, settings
    )
    if settings.adain_after and evaluations(backbone.schedule, settings):
        made = _with_statistics_of(style, references, latents.cpu(), cover, present, settings)
        latents = made.to(device)
    decoded = backbone.decode(latents)[:, 0].cpu().numpy()
    return [
        _finished(
            decoded[i, :height, :width], filled[i], style, references[i], generators[i], settings
        )
        for i in places
    ]


def choose_reference(
    style: Style,
    cells_per_mpx: float | None,
    rule: str,
    generator: np.random.Generator,
    candidates: Sequence[int] | None = None,
) -> int:
    """Choose the style image that a drawing takes after.

    Parameters
    ----------
    cells_per_mpx
        Density of the drawing, if known.
    rule
        ``nearest_density`` draws among the five style images nearest in density, and only among
        those of one class where tokens were learnt by class: that of the nearest; ``any`` among
        all.
    generator
        Source of the draw; exactly one number is drawn from it.
    candidates
        Style images to choose from; all if not given.
    """
    images = style.facts.images
    wanted = cells_per_mpx if rule == "nearest_density" else None
    chosen = list(range(len(images)) if candidates is None else candidates)
    if wanted is not None:
        nearest = min(chosen, key=lambda index: abs(images[index].cells_per_mpx - wanted))
        tokens = images[nearest].density_class
        chosen = [index for index in chosen if images[index].density_class == tokens]
    densities = [image.cells_per_mpx for image in images]
    return nearest_by_density(densities, wanted, generator, chosen)


def _references_of(
    drawings: Sequence[Drawing], style: Style, settings: StylisationSettings, attempt: int
) -> tuple[list[int], list[np.random.Generator]]:
    """Return the style image of each drawing, the same in every attempt, and what draws noise."""
    generators = [generator_of(settings.seed, drawing.name) for drawing in drawings]
    candidates = _usable_references(style, settings)
    references = [
        choose_reference(style, drawing.cells_per_mpx, settings.reference, generator, candidates)
        for drawing, generator in zip(drawings, generators, strict=True)
    ]
    if attempt:
        generators = [generator_of(settings.seed, drawing.name, attempt) for drawing in drawings]
    return references, generators


def _usable_references(style: Style, settings: StylisationSettings) -> list[int]:
    """Return the style images that can be a reference: with regions, only those with cells."""
    images = style.facts.images
    if settings.adain != "regions":
        return list(range(len(images)))
    usable = [index for index, image in enumerate(images) if image.cell_cover > 0]
    if not usable:
        raise InputError(
            "No cell was seen in any image of the style.",
            expected="at least one style image with bright cells on a dark ground",
            found=f"{len(images)} images without",
            remedy="learn the style from images with cells, or take `adain: whole`",
        )
    return usable


def _with_statistics_of(
    style: Style,
    references: Sequence[int],
    content: torch.Tensor,
    cover: torch.Tensor,
    masked: torch.Tensor,
    settings: StylisationSettings,
) -> torch.Tensor:
    """Give each latent the statistics of its style image: by region where it has a mask."""
    if settings.adain == "none":
        return content
    whole = adain(content, style.latent_mean[references], style.latent_sd[references])
    if settings.adain == "whole":
        return whole
    regions = adain_by_region(
        content,
        cover,
        (style.cell_mean[references], style.cell_sd[references]),
        (style.ground_mean[references], style.ground_sd[references]),
    )
    return torch.where(masked[:, None, None, None], regions, whole)


def _seen(drawing: Drawing, settings: StylisationSettings) -> NDArray[np.float32]:
    """Return a drawing as the backbone is shown it."""
    span = range_shown(drawing.pixels, drawing.mask, settings)
    return at_working_side(span.to_model(drawing.pixels), settings)


def _planes_of(
    drawings: Sequence[Drawing],
    size: tuple[int, int],
    multiple: int,
    settings: StylisationSettings,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return layout planes, shape (B, 2, H, W), and which drawings have a mask, shape (B,)."""
    height, width = size
    empty = np.zeros(size, np.uint16)
    masks = [
        empty if drawing.mask is None else labels_at_working_side(drawing.mask, settings)
        for drawing in drawings
    ]
    planes = np.stack([layout_planes(mask) for mask in masks])
    pad = [(0, 0), (0, 0), (0, -height % multiple), (0, -width % multiple)]
    extended = torch.from_numpy(np.pad(planes, pad, mode="reflect"))
    return extended, torch.tensor([drawing.mask is not None for drawing in drawings])


def _finished(
    decoded: NDArray[np.float32],
    drawing: Drawing,
    style: Style,
    reference: int,
    generator: np.random.Generator,
    settings: StylisationSettings,
) -> Stylised:
    decoded = resized(decoded, drawing.pixels.shape)
    image = style.facts.images[reference]
    diameter = float(style.glow_diameter[reference])
    if settings.glow and diameter > 0:
        mask = segment_nuclei(drawing.pixels)[0] if drawing.mask is None else drawing.mask
        shares, inside = style.glow_shares[reference].numpy(), float(style.glow_inside[reference])
        glow = Glow(shares, diameter, inside, image.cell_cover)
        decoded = decoded + glow_of_cells(decoded, mask > 0, glow)
    if settings.residual:
        residual = FineResidual(
            style.residual_levels[reference].numpy(),
            style.residual_strengths[reference].numpy(),
            style.residual_spectrum[reference].numpy(),
        )
        decoded = decoded + draw_residual(residual, decoded, generator)
    span = IntensityRange(image.intensity_low, image.intensity_high)
    return Stylised(span.from_model(decoded), image.name)
