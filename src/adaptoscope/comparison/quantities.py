"""The rows of a comparison: one quantity, its value in A and in B, and what that says."""

import math
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from operator import attrgetter

from adaptoscope.comparison.encoder_distance import EncoderDistance
from adaptoscope.comparison.facts import ImageFacts, SetFacts
from adaptoscope.comparison.settings import Bounds, ComparisonSettings, Verdict
from adaptoscope.metrics.distributions import LEVELS, histogram_distance

Value = float | str | None

# Share below which noise, or area covered by cells, does not count; by eye.
_LEAST_SHARE = 0.002
# Rounding: floors are divided by.
_LEAST_FLOOR = 1e-12


@dataclass(frozen=True)
class Quantity:
    """One row.

    Parameters
    ----------
    name, words
        Name that does not change, for machines; what it is, in words with the unit.
    a, b
        Value in each set; None where it is not known or belongs to both sets at once.
    difference
        How far the sets lie apart, in the sense of `measure`; NaN where it is not known.
    measure
        ``ratio`` of the larger to the smaller, ``difference``, ``distance``, or ``same`` for what
        either is the same or is not.
    note
        How it was measured, where that is not obvious.
    """

    name: str
    words: str
    a: Value
    b: Value
    difference: float
    measure: str
    verdict: Verdict
    note: str = ""

    def as_dict(self) -> dict[str, object]:
        """Return the row as plain values."""
        return asdict(self)

    @property
    def title(self) -> str:
        """What it is in short: how its words begin, before how it was measured."""
        return re.split(r"[:(]", self.words)[0].strip() if self.name != "told_apart" else self.words

    def ratio(self) -> float:
        """Return B over A; NaN where one is not a number above 0."""
        if not isinstance(self.a, float) or not isinstance(self.b, float):
            return math.nan
        return self.b / self.a if self.a > 0 else math.nan


def quantities(
    facts: tuple[SetFacts, SetFacts], distance: EncoderDistance, settings: ComparisonSettings
) -> tuple[Quantity, ...]:
    """Put what was measured into rows."""
    contrast = facts[0].median(attrgetter("contrast"))
    marked = all(each.labelled for each in facts)
    from_what = "from points" if marked else "from classical segmentation, without labels"
    cells = [each.cells_per_mpx(marked=marked) for each in facts]
    areas = [math.pi / 4 * each.median(attrgetter("diameter")) ** 2 for each in facts]

    def medians(measure: str) -> tuple[float, float]:
        return facts[0].median(attrgetter(measure)), facts[1].median(attrgetter(measure))

    return (
        _same("image_size", "image size (px)", facts, lambda i: f"{i.shape[0]} x {i.shape[1]}"),
        _same("bit_depth", "bit depth", facts, lambda i: str(i.bit_depth)),
        _pixel_size(facts, settings.pixel_size),
        _difference(
            "saturation",
            "saturated pixels (share)",
            (_mean_clipped(facts[0]), _mean_clipped(facts[1])),
            settings.saturation,
        ),
        _ratio(
            "focus",
            "focus: steepness of cell borders, times the cell diameter",
            medians("sharpness"),
            settings.focus,
        ),
        _ratio(
            "noise",
            "noise (share of the contrast)",
            medians("noise"),
            settings.noise,
            least=_LEAST_SHARE,
        ),
        _difference(
            "background",
            "background level (share of the range)",
            medians("background"),
            settings.background,
            unit=contrast,
            note="difference in contrasts of A",
        ),
        _difference(
            "unevenness",
            "unevenness of the background (share of the contrast)",
            medians("unevenness"),
            settings.unevenness,
        ),
        _ratio(
            "contrast",
            "contrast of cells (share of the range)",
            medians("contrast"),
            settings.contrast,
        ),
        _histogram(facts, contrast, settings.histogram),
        _ratio(
            "cell_diameter",
            "cell diameter (px)",
            medians("diameter"),
            settings.diameter,
            note="measured without labels",
        ),
        _ratio(
            "density",
            "cells per million pixels",
            (cells[0], cells[1]),
            settings.density,
            note=from_what,
        ),
        _ratio(
            "covered",
            "area covered by cells (share)",
            (cells[0] * areas[0] / 1e6, cells[1] * areas[1] / 1e6),
            settings.density,
            least=_LEAST_SHARE,
            note=f"{from_what}; does not change with magnification",
        ),
        *_encoder_distance(distance, settings),
    )


def _mean_clipped(facts: SetFacts) -> float:
    return sum(image.clipped for image in facts.images) / len(facts.images)


def _same(
    name: str,
    words: str,
    facts: tuple[SetFacts, SetFacts],
    value: Callable[[ImageFacts], str],
) -> Quantity:
    (one, all_one), (other, all_other) = (each.usual(value) for each in facts)
    verdict: Verdict = "alike" if one == other else "differs"
    mixed = [which for which, whole in (("A", all_one), ("B", all_other)) if not whole]
    note = f"several in {' and '.join(mixed)}; the most frequent is shown" if mixed else ""
    return Quantity(name, words, str(one), str(other), float(one != other), "same", verdict, note)


def _ratio(
    name: str,
    words: str,
    values: tuple[float, float],
    bounds: Bounds,
    *,
    least: float = 0.0,
    note: str = "",
) -> Quantity:
    """Compare by the ratio of the larger to the smaller; what is below `least` does not count."""
    (a, b), ratio = values, math.nan
    if math.isfinite(a) and math.isfinite(b):
        larger, smaller = max(a, b) + least, min(a, b) + least
        ratio = 1.0 if larger == smaller else larger / smaller if smaller > 0 else math.inf
    verdict = bounds.verdict(ratio)
    return Quantity(name, words, _known(a), _known(b), ratio, "ratio", verdict, note)


def _difference(
    name: str,
    words: str,
    values: tuple[float, float],
    bounds: Bounds,
    *,
    unit: float = 1.0,
    note: str = "",
) -> Quantity:
    a, b = values
    difference = abs(b - a) / unit
    verdict = bounds.verdict(difference)
    return Quantity(name, words, _known(a), _known(b), difference, "difference", verdict, note)


def _pixel_size(facts: tuple[SetFacts, SetFacts], bounds: Bounds) -> Quantity:
    sizes = [
        each.median(lambda i: math.nan if i.pixel_size_um is None else i.pixel_size_um)
        for each in facts
    ]
    unknown = [which for which, size in zip("AB", sizes, strict=True) if math.isnan(size)]
    note = f"not stated in {' and '.join(unknown)}" if unknown else ""
    return _ratio("pixel_size", "pixel size (um)", (sizes[0], sizes[1]), bounds, note=note)


def _histogram(facts: tuple[SetFacts, SetFacts], contrast: float, bounds: Bounds) -> Quantity:
    distance = histogram_distance(facts[1].histogram, facts[0].histogram).wasserstein / contrast
    levels = [
        float((each.histogram * range(LEVELS)).sum() / each.histogram.sum() / (LEVELS - 1))
        for each in facts
    ]
    return Quantity(
        name="histogram",
        words="intensities: mean (share of the range)",
        a=levels[0],
        b=levels[1],
        difference=distance,
        measure="distance",
        verdict=bounds.verdict(distance),
        note="Wasserstein distance of all intensities, in contrasts of A",
    )


def _encoder_distance(
    found: EncoderDistance, settings: ComparisonSettings
) -> tuple[Quantity, Quantity]:
    seen = f"{found.tiles[0]} and {found.tiles[1]} tiles of {found.tile} px, at one cell size"
    kernel, floor, ratio = found.kernel, None, math.nan
    if kernel is not None and found.floor is not None:
        # What the bootstrap over images leaves open is no difference either.
        floor = max(found.floor, kernel.value - kernel.lower, _LEAST_FLOOR)
        ratio = max(kernel.value, 0.0) / floor
    few = "needs at least four images in A and two in B"
    area = math.nan if found.auc is None else max(found.auc.value, 0.5)
    return (
        Quantity(
            name="look",
            words="look: kernel distance of features",
            a=floor,
            b=None if kernel is None else kernel.value,
            difference=ratio,
            measure="distance",
            verdict=settings.look.verdict(ratio),
            note=few if math.isnan(ratio) else f"under A: halves of A, or uncertainty; {seen}",
        ),
        Quantity(
            name="told_apart",
            words="look: told apart by a classifier",
            a=None,
            b=None if found.auc is None else found.auc.value,
            difference=area,
            measure="distance",
            verdict=settings.told_apart.verdict(area),
            note="needs two images in each set"
            if found.auc is None
            else "0.5 is chance, 1 is always",
        ),
    )


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
