"""Which images are worth counting by hand: a random sample, stratified by the counter's count."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adaptoscope.errors import InputError

FLAGGED = "flagged"
"""Stratum of the flagged images that are all counted by hand."""

FEWEST = 4
"""Fewest images to draw: two for the mean and two for the spread, in one or two strata."""

# Few strata with three images each, so that each has a spread of its own.
_MOST_STRATA = 5
_DRAWN_PER_STRATUM = 3


@dataclass(frozen=True)
class Candidate:
    """An image that has been counted by a counter.

    Parameters
    ----------
    flag
        Why the counter doubts it; empty if it does not.
    """

    image: str
    count: float
    flag: str = ""


@dataclass(frozen=True)
class Draw:
    """An image that shall be counted by hand.

    Parameters
    ----------
    stratum
        Name of the part of the images that it was drawn from.
    """

    image: str
    stratum: str
    stratum_images: int
    inclusion: float
    reason: str


def draw_images(
    candidates: Sequence[Candidate], number: int, *, seed: int, flagged: int = 0
) -> list[Draw]:
    """Draw images so that the total of all can be estimated without bias.

    Images are sorted by their count and divided so that the roots of the counts add up to the same
    in each stratum, since errors grow about with the root; so images of many cells are drawn more
    often than others. Within a stratum every set of images is equally likely.

    Parameters
    ----------
    candidates
        All images, each named once.
    number
        How many to draw, at least 4; all images where there are no more.
    seed
        Seed of the draw. Equal seeds and counts give equal draws.
    flagged
        Of the images with a flag, those with the most cells are taken besides, up to this many.
    """
    if not candidates or number < FEWEST:
        raise InputError(
            "There is nothing to draw images from, or too few are drawn.",
            expected=f"at least one counted image, and at least {FEWEST} to be drawn",
            found=f"{len(candidates)} images, {number} to be drawn",
            remedy=f"give --n {FEWEST} or more",
        )
    ordered = sorted(candidates, key=lambda each: (each.count, each.image))
    doubted = [each for each in reversed(ordered) if each.flag][: max(flagged, 0)]
    drawn = [
        Draw(each.image, FLAGGED, len(doubted), 1.0, f"flagged: {each.flag}") for each in doubted
    ]
    rest = [each for each in ordered if each not in doubted]
    generator = np.random.default_rng(seed)
    strata = _strata(rest, number)
    for place, (members, taken) in enumerate(
        zip(strata, _allocation(strata, number), strict=True), start=1
    ):
        chosen = generator.choice(len(members), taken, replace=False)
        reason = _reason(members, taken)
        drawn += [
            Draw(members[i].image, str(place), len(members), taken / len(members), reason)
            for i in chosen
        ]
    return sorted(drawn, key=lambda each: each.image)


def _strata(ordered: Sequence[Candidate], number: int) -> list[list[Candidate]]:
    """Divide sorted images so that the roots of the counts add up to the same in each part."""
    if not ordered:
        return []
    most = 1 if number >= len(ordered) else min(_MOST_STRATA, number // _DRAWN_PER_STRATUM)
    sizes = _expected_errors(ordered)
    middles = (np.cumsum(sizes) - sizes / 2) / sizes.sum()
    places = np.minimum((middles * max(most, 1)).astype(int), max(most, 1) - 1)
    parts = [
        [each for each, part in zip(ordered, places, strict=True) if part == place]
        for place in range(max(most, 1))
    ]
    return [part for part in parts if part]


def _allocation(strata: Sequence[Sequence[Candidate]], number: int) -> list[int]:
    """Share the draws out, each to the stratum whose total is then least certain (Neyman)."""
    taken = [min(2, len(members)) for members in strata]
    sizes = [float(_expected_errors(members).sum()) for members in strata]
    while sum(taken) < min(number, sum(len(members) for members in strata)):
        open_strata = [i for i, members in enumerate(strata) if taken[i] < len(members)]
        neediest = max(open_strata, key=lambda i: sizes[i] ** 2 / (taken[i] * (taken[i] + 1)))
        taken[neediest] += 1
    return taken


def _expected_errors(images: Sequence[Candidate]) -> npt.NDArray[np.float64]:
    return np.sqrt(np.array([max(each.count, 0.0) for each in images]) + 1.0)


def _reason(members: Sequence[Candidate], taken: int) -> str:
    low, high = members[0].count, members[-1].count
    cells = f"{low:.0f} cells" if round(low) == round(high) else f"{low:.0f} to {high:.0f} cells"
    if taken == len(members):
        return f"one of the {taken} with {cells}, all of which are counted"
    return f"drawn at random from the {len(members)} with {cells}"
