"""Things in an image that are no cells: found, taken out where that is safe, and said in words.

Single hot pixels, scale bars and lettering burnt in, fibres and debris, light that changes over the
field, stripes, and dark cells on a bright ground. An image without any of them comes back as it is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from adaptoscope.images.light import (
    SmallImage,
    draw_light,
    draw_light_over,
    fit_light,
    shrink,
)
from adaptoscope.images.medians import median, otsu_threshold, robust_deviation

Image = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

# A point drawn by a lens stands at most 0.55 of its height above its highest neighbour.
_LONELY = 0.6
# And above both the noise and half of the contrast of cells, by eye.
_HOT_DEVIATIONS = 8.0
_HOT_CONTRAST = 0.5
# Cameras have some: up to 60 in a million pixels of IDCIA.
_HOT_WORTH_A_WORD = 1e-4

# Around what is burnt in the image begins at once; around saturated cells (training splits of
# DSB 2018 and BBBC039, overexposed up to four times) a rim of 0.57 of the height or more is left.
_BURNT_RIM = 0.4
# A letter or a bar has more; by eye.
_BURNT_PIXELS = 12

# Foreign bodies are few, and three times as bright as cells, of which there are many more. In the
# training splits the brightest things are at least a third as many as the others.
_FOREIGN_CONTRAST = 3.0
_FOREIGN_NUMBER = 10
_FOREIGN_AREA = 0.15
# Pixels of the small image, and shares of its shorter side and of a cell's diameter; by eye.
_LEAST_CELLS = 6
_LEAST_AREA = 6
_FIBRE_LENGTH = 0.4
_FIBRE_WIDTH = 0.7
_SKIRT = 4

# The light over fields of the training splits of DSB 2018, BBBC039 and IDCIA differs by up to 0.44
# of the contrast of cells.
_UNEVEN = 0.7
# By eye: share of the contrast from which stripes are seen, pixels over which they average out, how
# far the histogram leans to the dark side, deviations that are more than chance.
_STRIPED = 0.1
_STRIPE_WIDTH = 12.0
_INVERTED = 0.12
_SEEN = 3.0


INVERTED = "inverted contrast: dark cells on a bright ground"


@dataclass(frozen=True, eq=False)
class Cleaned:
    """An image, shape (H, W), without what is no cell: the array given where nothing was found."""

    pixels: Image
    said: tuple[str, ...] = ()

    @cached_property
    def small(self) -> SmallImage:
        """The image made smaller, in which most things are looked for."""
        return shrink(self.pixels)

    @cached_property
    def contrast(self) -> float:
        """How far the bright part stands above the rest."""
        return _contrast(self.small.pixels)

    @cached_property
    def level(self) -> Image:
        """The small image without the light of its ground."""
        return self.small.pixels - self.light

    @cached_property
    def light(self) -> Image:
        """The light of the ground in the small image."""
        return draw_light(fit_light(self.small, 2), self.small.rows, self.small.columns)

    def after(self, pixels: Image, said: str) -> "Cleaned":
        """Return the image after one more step."""
        return Cleaned(pixels, (*self.said, said) if said else self.said)


def clean(pixels: Image, *, may_turn: bool = True) -> Cleaned:
    """Take out of an image of bright cells, shape (H, W), finite, what is no cell.

    What hid under something that was taken out is background afterwards. With `may_turn`, dark
    cells on a bright ground become bright ones.
    """
    found = Cleaned(pixels)
    if min(pixels.shape) < 16 or pixels.min() == pixels.max():
        return found
    steps: tuple[Callable[[Cleaned], Cleaned], ...] = (
        _remove_hot_pixels,
        _remove_lettering,
        _turn_dark_cells,
        _remove_stripes,
        _remove_foreign_bodies,
        _even_out_light,
    )
    for step in steps:
        if may_turn or step is not _turn_dark_cells:
            found = step(found)
    return found


def _remove_hot_pixels(found: Cleaned) -> Cleaned:
    """Give pixels that stand alone, far above their neighbours, the median of these."""
    pixels = found.pixels
    inner = pixels[1:-1, 1:-1]
    beside = np.minimum(pixels[1:-1, :-2], pixels[1:-1, 2:])
    least = max(_HOT_DEVIATIONS * _noise(pixels), _HOT_CONTRAST * found.contrast)
    rows, columns = np.nonzero(inner > np.add(beside, np.float32(least), out=beside))
    if not len(rows):
        return found
    rows, columns = rows + 1, columns + 1
    steps = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if down or right]
    around = np.sort([pixels[rows + down, columns + right] for down, right in steps], axis=0)
    middle, own = np.median(around, axis=0), pixels[rows, columns]
    height = np.maximum(least, _LONELY * (own - middle))
    hot = own - around[-1] > height
    many = int(hot.sum()) > _HOT_WORTH_A_WORD * pixels.size
    if many:
        # Of so many some lie side by side.
        hot = own - around[-2] > height
    if not hot.any():
        return found
    mended = pixels.copy()
    mended[rows[hot], columns[hot]] = middle[hot]
    return found.after(mended, f"{int(hot.sum())} hot pixels" if many else "")


def _remove_lettering(found: Cleaned) -> Cleaned:
    """Take out shapes of the brightest value that have no soft border, as only drawings have."""
    pixels = found.pixels
    highest = pixels.max()
    brightest = pixels >= highest
    if np.count_nonzero(brightest) < _BURNT_PIXELS or _is_black_and_white(pixels):
        return found
    parts, _ = ndimage.label(brightest, structure=np.ones((3, 3)))
    near = ndimage.maximum_filter(parts, 3)
    rim = (near > 0) & ~brightest
    ground = float(median(pixels))
    if ground >= highest:
        return found
    height = (pixels[rim] - ground) / (highest - ground)
    areas = np.bincount(parts.ravel())
    low = np.bincount(near[rim], weights=height < _BURNT_RIM, minlength=len(areas))
    around = np.bincount(near[rim], minlength=len(areas))
    burnt = (areas >= _BURNT_PIXELS) & (low > 0.7 * around) & (around > 0)
    burnt[0] = False
    if not burnt.any():
        return found
    # Small parts of the same drawing, such as dots and serifs, are not looked at one by one.
    place = ndimage.binary_dilation(burnt[parts] | (brightest & ~_wide(areas)[parts]), iterations=2)
    mended = _fill_with_ground(pixels, place)
    # Where nothing else rises above the noise of a pixel, these may be the cells of the image.
    if _contrast(shrink(mended).pixels) <= _noise(mended):
        return found.after(pixels, "shapes without soft borders, as in a drawing")
    return found.after(mended, "a scale bar, frame or lettering burnt into the image")


def _is_black_and_white(pixels: Image) -> bool:
    """Tell what a threshold leaves: its white is the cells, and nothing lies between."""
    if _noise(pixels) > 0:
        return False
    white = pixels >= pixels.max()
    between = (pixels > pixels.min()) & ~ndimage.binary_dilation(white, iterations=2)
    return bool(np.count_nonzero(between) < np.count_nonzero(white))


def _wide(areas: npt.NDArray[np.intp]) -> Mask:
    return np.asarray(areas >= _BURNT_PIXELS)


def _turn_dark_cells(found: Cleaned) -> Cleaned:
    """Turn an image of dark things on a bright ground round."""
    small = found.small
    level = small.pixels - draw_light(fit_light(small, 2, lower=False), small.rows, small.columns)
    low, middle, high = np.percentile(level, [0.5, 50, 99.5])
    if high <= low or (2 * middle - low - high) / (high - low) < _INVERTED:
        return found
    turned = np.asarray(found.pixels.max() - found.pixels)
    return found.after(turned, INVERTED)


def _remove_stripes(found: Cleaned) -> Cleaned:
    """Take away what whole rows or columns have more than those beside them."""
    pixels, striped = found.pixels, False
    least = _STRIPED * found.contrast
    for axis in (0, 1):
        # A few columns are enough to know a row; its darkest tenth lies below the cells.
        few = pixels[:, ::8] if axis == 0 else pixels[::8]
        place = few.shape[1 - axis] // 10
        profile = np.partition(few, place, axis=1 - axis).take(place, axis=1 - axis)
        stripes = profile - ndimage.gaussian_filter1d(profile, _STRIPE_WIDTH)
        chance = robust_deviation(np.diff(few, axis=1 - axis)) / few.shape[1 - axis] ** 0.5
        if float(stripes.std()) > max(least, 2 * _SEEN * chance, 1e-9):
            pixels = pixels - (stripes[:, None] if axis == 0 else stripes[None, :])
            striped = True
    return found.after(pixels, "stripes across the image") if striped else found


def _remove_foreign_bodies(found: Cleaned) -> Cleaned:
    """Take out fibres, and a few things that are far brighter than all that looks like cells."""
    smooth = ndimage.gaussian_filter(found.level, 1.0)
    if smooth.min() == smooth.max():
        return found
    bright = smooth > otsu_threshold(smooth)
    foreign = _find_fibres(smooth, bright) | _find_brightest(smooth, bright)
    if not foreign.any():
        return found
    # Its blurred skirt goes down to the level at which cells begin.
    rest = smooth[~ndimage.binary_dilation(foreign, iterations=_SKIRT)]
    cells = rest[rest > otsu_threshold(rest)] if rest.size else rest
    skirt = smooth > (float(median(cells)) if cells.size else 0.0)
    place = ndimage.binary_dilation(foreign, iterations=_SKIRT, mask=skirt | foreign)
    place = ndimage.binary_dilation(place)
    mended = _fill_with_ground(found.pixels, _enlarge(place, found.pixels.shape))
    return found.after(mended, "a fibre or debris far brighter than cells")


def _find_fibres(smooth: Image, bright: Mask) -> Mask:
    """Find what is far longer than cells and thinner than they are."""
    fibres = np.zeros(bright.shape, dtype=bool)
    sizes = _areas(bright)
    sizes = sizes[sizes >= _LEAST_AREA]
    if len(sizes) < _LEAST_CELLS:
        return fibres
    diameter = float(np.sqrt(4 * np.median(sizes) / np.pi))
    least = max(_FIBRE_LENGTH * min(bright.shape), 4 * diameter)
    # At a higher level fewer cells hang on to it.
    for mask in (bright, bright & (smooth > otsu_threshold(smooth[bright]))):
        parts, _ = ndimage.label(mask, structure=np.ones((3, 3)))
        areas = np.bincount(parts.ravel())
        boxes = ndimage.find_objects(parts)
        sides = [[place.stop - place.start for place in box] for box in boxes]
        lengths = np.array([0.0, *(np.hypot(*side) for side in sides)])
        thin = (lengths > least) & (areas < _FIBRE_WIDTH * diameter * lengths)
        fibres |= thin[parts]
    return fibres


def _find_brightest(smooth: Image, bright: Mask) -> Mask:
    """Find what is far brighter than cells, of which there are many more."""
    nothing = np.zeros(smooth.shape, dtype=bool)
    near = ndimage.binary_dilation(bright, iterations=5)
    rest = smooth[~near]
    if bright.mean() > _FOREIGN_AREA or not rest.size or rest.min() == rest.max():
        return nothing
    least, ground = otsu_threshold(rest), float(median(smooth))
    cells, below = rest[rest > least], rest[rest <= least]
    if not cells.size or not below.size:
        return nothing
    contrast = float(median(cells) - median(below))
    areas = _areas((smooth > least) & ~near)
    areas = areas[areas >= _LEAST_AREA]
    # Specks of noise are no cells beside which the real ones would be the strange ones.
    if len(areas) < _LEAST_CELLS or contrast <= 2 * _SEEN * robust_deviation(below):
        return nothing
    foreign = smooth > ground + 2.5 * contrast
    number = np.sum(_areas(foreign) >= 0.5 * np.median(areas))
    height = float(median(smooth[bright])) - ground
    few = 0 < number <= max(1, min(len(areas) / _FOREIGN_NUMBER, _LEAST_CELLS))
    return foreign if few and height >= _FOREIGN_CONTRAST * contrast else nothing


def _even_out_light(found: Cleaned) -> Cleaned:
    """Take away the light of the ground where it changes over the field as much as cells do."""
    change = float(np.subtract(*np.percentile(found.light, [97, 3])))
    if change <= max(_UNEVEN * _contrast(found.level), _SEEN * robust_deviation(found.level)):
        return found
    even = found.pixels - draw_light_over(fit_light(found.small, 4), found.pixels.shape)
    said = "uneven background"
    return found.after(np.asarray(even - even.min(), dtype=np.float32), said)


def _contrast(small: Image) -> float:
    """How far the bright part of an overview stands above the rest."""
    smooth = ndimage.gaussian_filter(small, 1.0)
    if smooth.min() == smooth.max():
        return 0.0
    bright = smooth > otsu_threshold(smooth)
    if bright.all() or not bright.any():
        return 0.0
    return float(median(smooth[bright]) - median(smooth[~bright]))


def _noise(pixels: Image) -> float:
    steps = pixels[::8, 1:] - pixels[::8, :-1]
    return robust_deviation(steps) / float(np.sqrt(2))


def _areas(mask: Mask) -> npt.NDArray[np.intp]:
    return np.bincount(ndimage.label(mask)[0].ravel())[1:]


def _fill_with_ground(pixels: Image, place: Mask) -> Image:
    """Put the ground in the place of something."""
    ground = draw_light_over(fit_light(shrink(pixels), 2), pixels.shape)
    return np.where(place, ground, pixels)


def _enlarge(mask: Mask, shape: tuple[int, ...]) -> Mask:
    """Bring a mask of an overview back to the size of the image."""
    rows, columns = (
        np.minimum(np.arange(side) * part // side, part - 1)
        for side, part in zip(shape, mask.shape, strict=True)
    )
    return np.asarray(mask[rows][:, columns])
