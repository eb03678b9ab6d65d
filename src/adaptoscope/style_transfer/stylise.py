"""Give drawings the look of a style: AdaIN, stochastic inversion, DDIM, decode, fine noise."""

import hashlib
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from adaptoscope.style_transfer.backbone import Backbone
from adaptoscope.style_transfer.ddim import ddim_decode, guided
from adaptoscope.style_transfer.fine_residual import FineResidual, draw_residual
from adaptoscope.style_transfer.intensity_range import IntensityRange
from adaptoscope.style_transfer.layout import layout_condition, layout_planes
from adaptoscope.style_transfer.learn_style import as_batch
from adaptoscope.style_transfer.noise_schedule import ddim_timesteps, steps_for_strength
from adaptoscope.style_transfer.settings import StylisationSettings
from adaptoscope.style_transfer.starting_latent import adain, stochastic_inversion
from adaptoscope.style_transfer.style_file import Style

_NEAREST = 5


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


def generator_of(seed: int, name: str) -> np.random.Generator:
    """Return the source of one image's randomness: a function of seed and name alone."""
    digest = hashlib.sha256(f"{seed}\0{name}".encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))


def place_of(name: str, batch: int) -> int:
    """Return an image's place in a micro-batch: a function of its name alone.

    Parameters
    ----------
    name
        File name. If it ends in a number before the suffix, as generated names do, consecutive
        images take consecutive places.
    batch
        Number of places.
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
    drawings: Sequence[Drawing], style: Style, backbone: Backbone, settings: StylisationSettings
) -> list[Stylised]:
    """Stylise drawings of one size, as a micro-batch of fixed shape.

    Every drawing has its own place in the batch, and empty places are filled with copies, so that
    a result depends neither on how many drawings there are nor on their order: the arithmetic of a
    processor may differ in the last bit between places, but not with what stands in the others.

    Parameters
    ----------
    drawings
        Drawings of one size, each with another `place_of`; see `arrange`.
    style
        The look to give.
    backbone
        The diffusion model that the style was learnt with.
    settings
        Strength, steps, inversion, guidance, layout.

    Returns
    -------
    list of Stylised
        One for each drawing, in order.
    """
    places = [place_of(drawing.name, settings.batch) for drawing in drawings]
    filled = [drawings[0]] * settings.batch
    for place, drawing in zip(places, drawings, strict=True):
        filled[place] = drawing
    generators = [generator_of(settings.seed, drawing.name) for drawing in filled]
    references = [
        choose_reference(style, drawing.cells_per_mpx, settings.reference, generator)
        for drawing, generator in zip(filled, generators, strict=True)
    ]
    content = [IntensityRange.of_drawing(d.pixels, d.mask).to_model(d.pixels) for d in filled]
    encoded = backbone.encode(as_batch(content, backbone.multiple))
    initial = adain(encoded, style.latent_mean[references], style.latent_sd[references])
    noise = torch.from_numpy(
        np.stack([g.standard_normal(initial.shape[1:], dtype=np.float32) for g in generators])
    )
    layout = _layout_of(filled, backbone.multiple) if settings.use_layout else None
    latents = _denoised(initial, noise, style.tokens[references], layout, backbone, settings)
    decoded = backbone.decode(latents)[:, 0].numpy()
    height, width = filled[0].pixels.shape
    return [
        _finished(decoded[i, :height, :width], style, references[i], generators[i], settings)
        for i in places
    ]


def choose_reference(
    style: Style, cells_per_mpx: float | None, rule: str, generator: np.random.Generator
) -> int:
    """Choose the style image that a drawing takes after.

    Parameters
    ----------
    style
        The style.
    cells_per_mpx
        Density of the drawing, if known.
    rule
        ``nearest_density`` draws among the five style images nearest in density, ``any`` among
        all.
    generator
        Source of the draw; exactly one number is drawn from it.
    """
    images = style.facts.images
    candidates = np.arange(len(images))
    if rule == "nearest_density" and cells_per_mpx is not None:
        densities = np.array([image.cells_per_mpx for image in images])
        candidates = np.argsort(np.abs(densities - cells_per_mpx), kind="stable")[:_NEAREST]
    return int(candidates[int(generator.random() * len(candidates))])


def _denoised(
    initial: torch.Tensor,
    noise: torch.Tensor,
    tokens: torch.Tensor,
    layout: torch.Tensor | None,
    backbone: Backbone,
    settings: StylisationSettings,
) -> torch.Tensor:
    steps = steps_for_strength(settings.strength, settings.steps)
    if settings.inversion == "none" or steps == 0:
        return initial
    timesteps = [int(t) for t in ddim_timesteps(backbone.schedule, settings.steps)[:steps]][::-1]
    if settings.inversion == "stochastic":
        noised = stochastic_inversion(backbone, initial, noise, timesteps[0], tokens, layout)
    else:
        noised = backbone.schedule.add_noise(initial, noise, timesteps[0])

    def predict(latents: torch.Tensor, timestep: int) -> torch.Tensor:
        conditional = backbone.predict_noise(latents, timestep, tokens, layout)
        if settings.guidance == 1.0:
            return conditional
        unconditional = backbone.predict_noise(latents, timestep, None, layout)
        return guided(conditional, unconditional, settings.guidance)

    return ddim_decode(backbone.schedule, noised, timesteps, predict)


def _layout_of(drawings: Sequence[Drawing], multiple: int) -> torch.Tensor:
    height, width = drawings[0].pixels.shape
    empty = np.zeros((height, width), np.uint16)
    masks = [empty if drawing.mask is None else drawing.mask for drawing in drawings]
    planes = np.stack([layout_planes(mask) for mask in masks])
    pad = [(0, 0), (0, 0), (0, -height % multiple), (0, -width % multiple)]
    extended = torch.from_numpy(np.pad(planes, pad, mode="reflect"))
    present = torch.tensor([drawing.mask is not None for drawing in drawings])
    return layout_condition(extended, present)


def _finished(
    decoded: NDArray[np.float32],
    style: Style,
    reference: int,
    generator: np.random.Generator,
    settings: StylisationSettings,
) -> Stylised:
    image = style.facts.images[reference]
    if settings.residual:
        residual = FineResidual(
            style.residual_levels[reference].numpy(),
            style.residual_strengths[reference].numpy(),
            style.residual_spectrum[reference].numpy(),
        )
        decoded = decoded + draw_residual(residual, decoded, generator)
    span = IntensityRange(image.intensity_low, image.intensity_high)
    return Stylised(span.from_model(decoded), image.name)
