"""Give source images the look of the target, so that their stains can be learnt from once more.

Stage 1 makes drawn cells look real and keeps their count; this makes images of one microscope look
like those of another and keeps their stains. The look is what two sets of unpaired images tell:

1. magnification: cells become as large as those of the target;
2. contrast: what is bright may become dark, as between two kinds of phase imaging;
3. power spectrum: every spatial frequency gets the target's mean power. For a thin transparent
   specimen both microscopes are linear filters of one phase map, so that their ratio is a filter
   too, but for its sign;
4. noise: what the camera of the target has beyond that of the source is drawn anew. Amplifying what
   source images show would make a filter of it, which a network can undo;
5. intensities: the pooled histogram of the target, which also saturates where the target does;
6. uneven light: the pattern that all target images share, in place of that of the source.

Noise is taken for white and of the same strength everywhere.

Frequencies are those of the cosine transform, whose mirrored borders leave no seam; the mean of an
image is left out, so that a brighter field is not told from a darker one. Matching
spectra alone is known from Fourier domain adaptation (Yang and Soatto, 2020).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from adaptoscope.adaptation.shifts.camera_noise import finest_variance, noise_floor, noise_to_add
from adaptoscope.adaptation.shifts.illumination import LightChange, light_at, light_change
from adaptoscope.adaptation.shifts.magnification import magnify
from adaptoscope.errors import InputError
from adaptoscope.imageio.intensity import IntensityScale
from adaptoscope.translation.fields import Field, hash_of, unit_of
from adaptoscope.translation.intensities import pool_pixels

FloatImage = NDArray[np.float32]
FloatArray = NDArray[np.float64]
Contrast = Literal["same", "inverted"]
CONTRASTS: tuple[Contrast, ...] = ("same", "inverted")

# Fine enough to follow a microscope's transfer function and an intensity curve, by eye.
_BINS = 48
_QUANTILES = 1024
_STRONGEST = 30.0
"""No frequency is amplified more: beyond, it is the noise of the source."""

_COUNT = 1 / 65535
"""Noise below a count of 16 bits is not worth a word."""


@dataclass(frozen=True, eq=False)
class Restyling:
    """How source images become like those of the target.

    Parameters
    ----------
    scale
        Magnification, above 1 where the target's cells are larger.
    frequencies
        Shape (K,), cycles per pixel, rising.
    gain
        Shape (K,), factor on the amplitude at each of them.
    noise
        Standard deviation of the white noise that is added, in [0, 1] of the stored range.
    before, after
        Shape (Q,), quantiles of the filtered source, any unit, and of the target, in shares of the
        stored range. Where the light changes, both are those of evenly lit images.
    light
        The light of the source, which is taken out, and that of the target, which is put in.
    """

    scale: float
    contrast: Contrast
    frequencies: FloatArray
    gain: FloatArray
    noise: float
    before: FloatArray
    after: FloatArray
    light: LightChange

    @property
    def words(self) -> str:
        """The restyling in words, for the model card."""
        parts = [f"contrast {self.contrast}", f"magnification {self.scale:.3g}"]
        if self.noise > _COUNT:
            parts.append(f"noise of {100 * self.noise:.2g} % of the range added")
        if self.light.after is not None:
            parts.append("uneven light as in the target")
        return ", ".join(parts)

    def describe(self) -> dict[str, object]:
        """Return contrast, noise and light as they are written to JSON."""
        lights = (self.light.before, self.light.after)
        return {
            "contrast": self.contrast,
            "noise": self.noise,
            "light": [None if each is None else each.tolist() for each in lights],
        }


def measure_restyling(
    source: Sequence[Field],
    target: Sequence[Field],
    *,
    scale: float = 1.0,
    contrast: Contrast = "same",
    light: LightChange | None = None,
) -> Restyling:
    """Measure how source images become like those of the target; no stain is looked at.

    Fields may be of any size. `light` is what `light_of` returns, where it was asked already.
    """
    light = light_of(source, target) if light is None else light
    given = [magnify(_flatten_light(field.pixels, light.before), scale) for field in source]
    wanted = [_flatten_light(field.pixels, light.after) for field in target]
    frequencies, power = mean_spectrum(given, "source")
    _, power_wanted = mean_spectrum(wanted, "target")
    variances = [
        min(noise_floor(frequencies, each), finest_variance(images))
        for each, images in ((power, given), (power_wanted, wanted))
    ]
    noise = noise_to_add(power, power_wanted, *variances)
    passed = np.maximum(power_wanted - noise, 0)
    gain = np.sqrt(passed / np.maximum(power, passed / _STRONGEST**2))
    after = _quantiles(wanted)
    how = Restyling(scale, contrast, frequencies, gain, math.sqrt(noise), after, after, light)
    seen = [_image_as_target(image, how, field) for image, field in zip(given, source, strict=True)]
    return dataclasses.replace(how, before=_quantiles(seen))


def restyle(field: Field, restyling: Restyling) -> Field:
    """Return a source field in the look of the target, with its stains magnified alike.

    The image is in 16-bit counts, whatever it had; stains keep their depth.
    """
    image = magnify(_flatten_light(field.pixels, restyling.light.before), restyling.scale)
    seen = _image_as_target(image, restyling, field)
    pixels = np.interp(seen, restyling.before, restyling.after).astype(np.float32)
    if restyling.light.after is not None:
        pixels = pixels * light_at(restyling.light.after, pixels.shape)
    stains = field.stains
    if stains is not None and restyling.scale != 1:
        depth = IntensityScale.full_range(stains.dtype.itemsize * 8)
        moved = [magnify(plane, restyling.scale) for plane in unit_of(stains)]
        stains = np.stack([depth.to_stored(plane) for plane in moved])
    return dataclasses.replace(
        field, given=IntensityScale.full_range(16).to_stored(pixels), stains=stains
    )


def mean_spectrum(images: Sequence[FloatImage], name: str) -> tuple[FloatArray, FloatArray]:
    """Return frequencies, shape (K,) from 0 to 0.5 cycles per pixel, and the mean power at them.

    Power is that of the orthonormal cosine transform in all directions together, without the means
    of the images, which may be of any size; it is above 0.
    """
    edges = np.linspace(0, 0.5, _BINS + 1)
    sums, numbers = np.zeros(_BINS), np.zeros(_BINS)
    for image in images:
        squared = _transform(image) ** 2
        places = np.minimum(np.digitize(_frequencies(image.shape), edges) - 1, _BINS - 1)
        # The mean of the image is no structure.
        counted = np.ones(image.shape)
        counted[0, 0] = 0
        sums += np.bincount(places.ravel(), (squared * counted).ravel(), _BINS)
        numbers += np.bincount(places.ravel(), counted.ravel(), _BINS)
    if not sums.any():
        raise InputError(
            f"The look of the {name} images cannot be measured.",
            expected="at least one image that shows something",
            found=f"{len(images)} images of a single intensity" if images else "no image",
        )
    filled = numbers > 0
    middles = (edges[1:] + edges[:-1]) / 2
    power = np.interp(middles, middles[filled], sums[filled] / numbers[filled])
    return middles, np.maximum(power, power.max() * 1e-12)


def light_of(source: Sequence[Field], target: Sequence[Field]) -> LightChange:
    """Compare the light of two sets, see `light_change`; their fields may be of any size."""
    return light_change(*([field.pixels for field in fields] for fields in (source, target)))


def _flatten_light(image: FloatImage, light: FloatArray | None) -> FloatImage:
    return image if light is None else image / light_at(light, image.shape)


def _quantiles(images: Sequence[FloatImage]) -> FloatArray:
    shares = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    return np.asarray(np.quantile(pool_pixels(images), shares), dtype=np.float64)


def _image_as_target(image: FloatImage, how: Restyling, field: Field) -> FloatImage:
    """Return a magnified image as the target's optics and camera show it, in units of its own."""
    factors = np.interp(_frequencies(image.shape), how.frequencies, how.gain)
    sign = -1 if how.contrast == "inverted" else 1
    found = fft.idctn(sign * factors * _transform(image), norm="ortho")
    if how.noise:
        # An image has the same noise whenever it is restyled.
        rng = np.random.default_rng(int(hash_of(field)[:16], 16))
        found += how.noise * rng.standard_normal(image.shape)
    return np.asarray(found, dtype=np.float32)


def _transform(image: FloatImage) -> FloatArray:
    centred = np.asarray(image, dtype=np.float64) - image.mean()
    return np.asarray(fft.dctn(centred, norm="ortho"))


def _frequencies(shape: tuple[int, ...]) -> FloatArray:
    rows, columns = (np.arange(side) / (2 * side) for side in shape)
    return np.asarray(np.hypot(rows[:, None], columns[None, :]))
