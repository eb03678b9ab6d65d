"""What was done to points that do not lie on cells: other units, turned axes, a shift, other names.

Each explanation is tried on the points; one counts if it brings them onto cells so much better that
they cannot be right as they are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy import fft
from scipy.optimize import linear_sum_assignment

from adaptoscope.images.cell_centres import EXCHANGE, Points, inside_window
from adaptoscope.images.points_on_cells import MarkedImage, Values, mean_ranks

Move = Callable[[MarkedImage], Points]
Trial = tuple[Move, str, str]
"""What is done to points, in words too, and what a person has to do."""

# Points of an image that are enough to tell, and the largest mean rank there is.
_MOST_POINTS = 200
_BEST = 0.5
# Mean ranks of right points of twelve sets are 0.23 (phase contrast) to 0.47 at the size of their
# cells, of nuclei 0.35 and more.
_ON_CELLS = 0.2
# Clicks that are half a cell beside have more than half the rank of centred ones. In clumps, points
# that are one cell beside have up to 0.65 of it at the size of the clumps.
_MUCH_WORSE = 0.5
_WORSE_AT_ANY_SIZE = 0.75
# Deviation of the rank of one random place, and by how many deviations of a mean of such the best
# of thousands of explanations may exceed chance.
_DEVIATION = 0.29
_DEVIATIONS = 5.0
_FEWEST_IN_IMAGE = 10
# At this step, points 500 pixels from the corner move by 4.
_SCALE_STEP = 1.008
_LARGEST_SHIFT = 0.25
# A plain explanation stands beside one that was searched and fits a little better by chance.
_CLEARLY_BETTER = 0.03
_MOST_CORRELATED = 150_000


@dataclass(frozen=True)
class Explanation:
    """What would bring points onto cells: what is done to them, and what a person has to do.

    `as_read` and `explained` are the mean ranks under the points before and after; 0 is chance.
    """

    said: str
    remedy: str
    as_read: float
    explained: float


def explain_points(images: Sequence[MarkedImage]) -> Explanation | None:
    """Find what would bring points onto cells that do not lie there as they are.

    Images come in the order of their names; some 20 are enough. None where the points lie on cells,
    where nothing brings them there, and where there are too few to tell.
    """
    marked = [_thin(image) for image in images if len(image.points)]
    if not marked or np.abs(_rank_as_read(marked)).max() > _WORSE_AT_ANY_SIZE * _BEST:
        return None
    simple = _best_of(marked, (*_known_scales(marked), *_turns(marked)))
    searched = _best_of(marked, (*_search_shifts(marked), _search_scale(marked)))
    if simple is not None:
        clearly = searched is not None and searched.explained > simple.explained + _CLEARLY_BETTER
        return searched if clearly else simple
    combined = _best_of(marked, _combine(marked))
    return _choose_better((searched, combined, *_search_names(marked)))


def _best_of(images: Sequence[MarkedImage], trials: Iterable[Trial]) -> Explanation | None:
    return _choose_better(_try(images, *trial) for trial in trials)


def _thin(image: MarkedImage) -> MarkedImage:
    every = -(-len(image.points) // _MOST_POINTS)
    return dataclasses.replace(image, points=image.points[::every])


def _choose_better(tried: Iterable[Explanation | None]) -> Explanation | None:
    return max(
        (each for each in tried if each is not None), key=lambda each: each.explained, default=None
    )


def _rank_as_read(images: Sequence[MarkedImage]) -> Values:
    return mean_ranks(images, [image.points for image in images])


def _accept(
    before: Values, after: Values, number: int, said: str, remedy: str
) -> Explanation | None:
    """Return an explanation if points lie on cells with it, and not nearly as well without."""
    level = int(np.nanargmax(np.abs(after)))
    sign = np.sign(after[level])
    explained, as_read = float(sign * after[level]), float(sign * before[level])
    if explained < _ON_CELLS or as_read > _MUCH_WORSE * explained:
        return None
    if np.nanmax(np.abs(before)) > _WORSE_AT_ANY_SIZE * explained:
        return None
    if explained < _DEVIATIONS * _DEVIATION / np.sqrt(number):
        return None
    return Explanation(said, remedy, as_read, explained)


def _try(images: Sequence[MarkedImage], move: Move, said: str, remedy: str) -> Explanation | None:
    number = sum(len(image.points) for image in images)
    after = mean_ranks(images, [move(image) for image in images])
    return _accept(_rank_as_read(images), after, number, said, remedy)


def _combine(images: Sequence[MarkedImage]) -> Iterator[Trial]:
    for (scale, said, first), (turn, also, second) in product(
        _known_scales(images), _turns(images)
    ):
        yield _compose(scale, turn), f"{said} and {also}", f"{first}; then {second}"


def _compose(first: Move, second: Move) -> Move:
    return lambda image: second(dataclasses.replace(image, points=first(image)))


def _known_scales(images: Sequence[MarkedImage]) -> Iterator[Trial]:
    sizes = {image.pixel_size_um for image in images}
    if None not in sizes:
        one = sizes.pop() if len(sizes) == 1 else None
        size = f"{one:g}" if one else "the pixel size of each file in um"
        what = f"{size}, the pixel size of the files in um," if one else size
        again = f" (that is, multiply them by {1 / one:.4g})" if one else ""
        yield (
            _in_pixel_sizes(-1),
            f"divided by {what}",
            f"divide x and y of points.csv by {size}{again}; in ImageJ, measure after Analyze > "
            "Set Scale > Click to Remove Scale",
        )
        yield _in_pixel_sizes(1), f"multiplied by {what}", f"multiply x and y by {size}"
    for factor in (2.0, 0.5):
        yield _scale(factor), *_scale_words(factor)


def _in_pixel_sizes(power: int) -> Move:
    return lambda image: (image.points + 0.5) * (image.pixel_size_um or 1.0) ** power - 0.5


def _scale(factor: float) -> Move:
    return lambda image: (image.points + 0.5) * factor - 0.5


def _scale_words(factor: float) -> tuple[str, str]:
    done, do, by = (
        ("multiplied", "multiply", factor) if factor > 1 else ("divided", "divide", 1 / factor)
    )
    return f"{done} by {by:.3g}", f"{do} x and y of points.csv by {by:.3g}"


def _turns(images: Sequence[MarkedImage]) -> Iterator[Trial]:
    heights, widths = ({image.shape[axis] for image in images} for axis in (0, 1))
    last_y = str(heights.pop() - 1) if len(heights) == 1 else "(height of the image - 1)"
    last_x = str(widths.pop() - 1) if len(widths) == 1 else "(width of the image - 1)"
    parts = (
        ("x and y exchanged", EXCHANGE),
        ("y counted from below", f"replace each y of points.csv by {last_y} - y"),
        ("x counted from the right", f"replace each x of points.csv by {last_x} - x"),
    )
    for chosen in product((False, True), repeat=3):
        if any(chosen):
            said = [each for (each, _), used in zip(parts, chosen, strict=True) if used]
            remedies = [each for (_, each), used in zip(parts, chosen, strict=True) if used]
            yield _turn(*chosen), "with " + " and ".join(said), "; then ".join(remedies)


def _turn(swap: bool, from_below: bool, from_right: bool) -> Move:
    def turned(image: MarkedImage) -> Points:
        points = image.points[:, ::-1] if swap else image.points
        height, width = image.shape
        rows = height - 1 - points[:, 0] if from_below else points[:, 0]
        columns = width - 1 - points[:, 1] if from_right else points[:, 1]
        return np.stack([rows, columns], axis=1)

    return turned


def _search_scale(images: Sequence[MarkedImage]) -> Trial:
    """Search the scales at which the points fill the images."""
    reach = np.concatenate([(image.points + 0.5) / image.shape for image in images]).max(axis=1)
    # A few points may lie outside; all others together reach at least half across the images.
    widest = max(float(np.quantile(reach, 0.98)), 1e-6)
    steps = np.arange(np.log(0.5), np.log(1.05), np.log(_SCALE_STEP))
    best = _best_scale(images, np.exp(steps) / widest)
    best = _best_scale(images, best * np.linspace(0.99, 1.01, 21))
    return _scale(best), *_scale_words(best)


def _best_scale(images: Sequence[MarkedImage], factors: Values) -> float:
    common = min(len(image.levels) for image in images)
    sums = np.zeros((common, len(factors)))
    for image in images:
        points = (image.points + 0.5) * factors[:, None, None] - 0.5
        for number in range(common):
            sums[number] += image.levels[number].ranks(points).sum(axis=1)
    return float(factors[np.abs(sums).max(axis=0).argmax()])


def _search_shifts(images: Sequence[MarkedImage]) -> Iterator[Trial]:
    """Search the shift that is common to all images, by correlating points with ranks."""
    for number in range(min(len(image.levels) for image in images)):
        levels = [image.levels[number] for image in images]
        if max(level.response.size for level in levels) > _MOST_CORRELATED:
            continue
        reach = int(_LARGEST_SHIFT * min(min(level.response.shape) for level in levels))
        total = np.abs(sum(_correlate(image, number, reach) for image in images))
        place = np.array(np.unravel_index(total.argmax(), total.shape))
        row, column = ((place - reach) * levels[0].step).tolist()
        yield _move(row, column), *_shift_words(row, column)


def _correlate(image: MarkedImage, number: int, reach: int) -> Values:
    """Sum the ranks under the points for shifts of up to `reach` places, shape (2r + 1, 2r + 1)."""
    level = image.levels[number]
    ranks = np.pad(level.rank_map(), reach)
    places = np.floor((image.points + 0.5) / level.step).astype(np.int64) + reach
    places = places[inside_window(places.astype(np.float64), 0, 0, *ranks.shape)]
    marks = np.zeros(ranks.shape)
    np.add.at(marks, tuple(places.T), 1.0)
    product = fft.rfft2(ranks) * np.conj(fft.rfft2(marks))
    sums = np.fft.fftshift(fft.irfft2(product, ranks.shape))
    row, column = np.array(ranks.shape) // 2
    return np.asarray(sums[row - reach : row + reach + 1, column - reach : column + reach + 1])


def _move(row: float, column: float) -> Move:
    return lambda image: image.points + np.array([row, column], dtype=np.float64)


def _shift_words(row: int, column: int) -> tuple[str, str]:
    return (
        f"moved by about {column:+d} pixels in x and {row:+d} in y",
        f"add {column:+d} to x and {row:+d} to y of points.csv",
    )


def _search_names(images: Sequence[MarkedImage]) -> Iterator[Explanation | None]:
    """Give every image the points that are named after another one, where these fit better."""
    images = [image for image in images if len(image.points) >= _FEWEST_IN_IMAGE]
    if len(images) < 2:
        return
    numbers = np.array([len(image.points) for image in images])
    for level in range(min(len(image.levels) for image in images)):
        ranks = [image.levels[level].ranks for image in images]
        sums = np.array([[rank(other.points).sum() for other in images] for rank in ranks])
        for signed in (sums, -sums):
            shown, named = linear_sum_assignment(-signed)
            before, after = signed[named, named], signed[shown, named]
            clear = np.flatnonzero((after - before) / numbers[named] >= _ON_CELLS)
            pairs = [(images[named[n]].name, images[shown[n]].name) for n in clear]
            yield _accept(
                np.array([before.sum() / numbers.sum()]),
                np.array([after.sum() / numbers.sum()]),
                int(numbers.sum()),
                f"given to other images ({_pairs(pairs)})",
                "correct the names of the images in points.csv",
            )


def _pairs(pairs: Sequence[tuple[str, str]], most: int = 3) -> str:
    said = ", ".join(f"those of {named} to {shown}" for named, shown in pairs[:most])
    return said + (f" and {len(pairs) - most} more" if len(pairs) > most else "")
