"""Which images are worth counting by hand: a random sample, stratified by the counter's count."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from adaptoscope.counting.audit_table import CheckRow
from adaptoscope.counting.count_table import PredictedCount
from adaptoscope.errors import InputError

FLAGGED = "flagged"
"""Stratum of the flagged images that are all counted by hand."""

FEWEST = 4
"""Fewest images to draw: two for the mean and two for the spread, in one or two strata."""

# Few strata with three images each, so that each has a spread of its own.
_MOST_STRATA = 5
_DRAWN_PER_STRATUM = 3


def draw_images(
    counted: Sequence[PredictedCount], number: int, *, seed: int, flagged: int = 0
) -> list[CheckRow]:
    """Draw images so that the total of all can be estimated without bias, sorted by name.

    Images are sorted by their count and divided so that the roots of the counts add up to the same
    in each stratum, since errors grow about with the root; so images of many cells are drawn more
    often than others. Within a stratum every set of images is equally likely.

    Parameters
    ----------
    counted
        All images, each named once.
    number
        How many to draw, at least 4; all images where there are no more.
    flagged
        Of the images with a flag, those with the most cells are taken besides, up to this many.
    """
    if not counted or number < FEWEST:
        raise InputError(
            "There is nothing to draw images from, or too few are drawn.",
            expected=f"at least one counted image, and at least {FEWEST} to be drawn",
            found=f"{len(counted)} images, {number} to be drawn",
            remedy=f"give --n {FEWEST} or more",
        )
    ordered = sorted(counted, key=lambda each: (_cells(each), each.image))
    doubted = [each for each in reversed(ordered) if each.flag][: max(flagged, 0)]
    drawn = [_drawn(each, FLAGGED, len(doubted), 1.0, f"flagged: {each.flag}") for each in doubted]
    generator = np.random.default_rng(seed)
    strata = _strata([each for each in ordered if each not in doubted], number)
    for place, (members, taken) in enumerate(
        zip(strata, _allocation(strata, number), strict=True), start=1
    ):
        size, reason = len(members), _reason(members, taken)
        chosen = generator.choice(size, taken, replace=False)
        drawn += [_drawn(members[i], str(place), size, taken / size, reason) for i in chosen]
    return sorted(drawn, key=lambda each: each.image)


def _drawn(row: PredictedCount, stratum: str, size: int, inclusion: float, reason: str) -> CheckRow:
    return CheckRow(
        image=row.image,
        count=_cells(row),
        lower=row.lower,
        upper=row.upper,
        reason=reason,
        stratum=stratum,
        stratum_images=size,
        inclusion=inclusion,
    )


def _strata(ordered: Sequence[PredictedCount], number: int) -> list[list[PredictedCount]]:
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


def _allocation(strata: Sequence[Sequence[PredictedCount]], number: int) -> list[int]:
    """Share the draws out, each to the stratum whose total is then least certain (Neyman)."""
    taken = [min(2, len(members)) for members in strata]
    sizes = [float(_expected_errors(members).sum()) for members in strata]
    while sum(taken) < min(number, sum(len(members) for members in strata)):
        open_strata = [i for i, members in enumerate(strata) if taken[i] < len(members)]
        neediest = max(open_strata, key=lambda i: sizes[i] ** 2 / (taken[i] * (taken[i] + 1)))
        taken[neediest] += 1
    return taken


def _expected_errors(images: Sequence[PredictedCount]) -> npt.NDArray[np.float64]:
    return np.sqrt(np.array([max(_cells(each), 0.0) for each in images]) + 1.0)


def _reason(members: Sequence[PredictedCount], taken: int) -> str:
    low, high = _cells(members[0]), _cells(members[-1])
    cells = f"{low:.0f} cells" if round(low) == round(high) else f"{low:.0f} to {high:.0f} cells"
    if taken == len(members):
        return f"one of the {taken} with {cells}, all of which are counted"
    return f"drawn at random from the {len(members)} with {cells}"


def _cells(row: PredictedCount) -> float:
    return row.count or 0.0
