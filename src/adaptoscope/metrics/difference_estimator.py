"""Totals of a population from a sample of it: the stratified difference estimator.

Every unit has a cheap guess; of a few, drawn at random within strata, the truth is known too. The
mean of truth minus guess in each stratum, times the number of its units, corrects the sum of all
guesses without bias, however poor the guesses are (Cochran, Sampling Techniques, chapters 5, 7).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from adaptoscope.errors import InputError
from adaptoscope.metrics.intervals import Interval

FEWEST_OF_A_STRATUM = 2
"""Fewest known units of a stratum that is not known completely: one has no spread."""


@dataclass(frozen=True)
class Stratum:
    """A part of a population.

    Its number of units, and truth minus guess of those that were drawn, shape (n,): at random, each
    at most once.
    """

    units: int
    differences: npt.NDArray[np.float64]


def corrected_total(guessed: float, strata: Sequence[Stratum], *, level: float = 0.95) -> Interval:
    """Estimate the true total of a population from the sum of all guesses and its strata.

    The bounds are Student's t with Satterthwaite's degrees of freedom and the correction for finite
    populations. Both are the estimate where all units are known.
    """
    _check(strata, level)
    total = guessed + sum(each.units * float(each.differences.mean()) for each in strata)
    parts, degrees = [], []
    for each in strata:
        known = len(each.differences)
        if known == each.units:
            continue
        weight = each.units * (each.units - known) / known
        parts.append(weight * float(each.differences.var(ddof=1)))
        degrees.append(known - 1)
    variance = sum(parts)
    if not variance:
        return Interval(total, total, total, level)
    freedom = variance**2 / sum(p**2 / d for p, d in zip(parts, degrees, strict=True))
    reach = float(student.ppf((1 + level) / 2, freedom)) * variance**0.5
    return Interval(total, total - reach, total + reach, level)


def _check(strata: Sequence[Stratum], level: float) -> None:
    if not strata or not 0 < level < 1:
        raise InputError(
            "A total cannot be estimated.",
            expected="at least one stratum and a level between 0 and 1",
            found=f"{len(strata)} strata, level {level}",
        )
    for each in strata:
        known = len(each.differences)
        enough = known == each.units or known >= FEWEST_OF_A_STRATUM
        if not (1 <= known <= each.units and enough and np.isfinite(each.differences).all()):
            raise InputError(
                "A total cannot be estimated: a stratum is not known well enough.",
                expected=f"at least {FEWEST_OF_A_STRATUM} known units, or all of the stratum",
                found=f"{known} of {each.units}",
                remedy="count more images of this stratum",
            )
