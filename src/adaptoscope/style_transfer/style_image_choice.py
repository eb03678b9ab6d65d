"""Which real image a drawing takes after: one of those nearest to it in density."""

from collections.abc import Sequence

import numpy as np

from adaptoscope.errors import InputError
from adaptoscope.style_transfer.settings import StylisationSettings
from adaptoscope.style_transfer.style_file import Style

# Enough that equal drawings do not all take after one image; by eye.
NEAREST = 5


def nearest_by_density(
    densities: Sequence[float],
    cells_per_mpx: float | None,
    generator: np.random.Generator,
    candidates: Sequence[int] | None = None,
) -> int:
    """Draw one of the five real images nearest to a drawing in density, and return its index.

    Exactly one number is drawn from `generator`.

    Parameters
    ----------
    densities
        Of every real image, in cells per million pixels.
    cells_per_mpx
        Of the drawing; None draws among all.
    candidates
        Indices to choose from, at least one; all if not given. Of images equally far away those
        that stand first here are the nearer.
    """
    chosen = np.arange(len(densities)) if candidates is None else np.array(candidates)
    if cells_per_mpx is not None:
        distances = np.abs(np.asarray(densities, dtype=np.float64)[chosen] - cells_per_mpx)
        chosen = chosen[np.argsort(distances, kind="stable")[:NEAREST]]
    return int(chosen[int(generator.random() * len(chosen))])


def choose_style_image(
    style: Style,
    cells_per_mpx: float | None,
    rule: str,
    generator: np.random.Generator,
    candidates: Sequence[int] | None = None,
) -> int:
    """Draw the style image that a drawing takes after; as `nearest_by_density`.

    The rule ``nearest_density`` draws among the nearest, and only among those of one class where
    tokens were learnt by class: that of the nearest; ``any`` draws among all.
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


def usable_style_images(style: Style, settings: StylisationSettings) -> list[int]:
    """Return the style images to choose from: with regions, only those with cells."""
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
