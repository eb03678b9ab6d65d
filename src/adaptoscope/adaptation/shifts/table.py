"""Domain shifts of a given image in one table: light, focus, exposure and camera noise.

Shifts take and give float32 images (H, W) in *linear light*: 0 is the dark level and 1 the white
level of a whole data set, as `LinearLight` holds them. Values below 0 and above 1 occur and are
kept unless a shift says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from adaptoscope.adaptation.shifts.camera_noise import draw_read_noise, draw_shot_noise
from adaptoscope.adaptation.shifts.illumination import light_gradient
from adaptoscope.adaptation.shifts.magnification import magnify
from adaptoscope.adaptation.shifts.overexposure import expose, saturate
from adaptoscope.images.degradation import blur
from adaptoscope.training.settings import Settings

FloatImage = NDArray[np.float32]


class ShiftSettings(Settings):
    """One or several shifts; those that are not given are left out.

    They act in the order of physics, whatever the order in which they are given: `scale` (the
    objective), `gradient` (the lamp), `defocus` (the focus), `overexposure` without its limit (how
    long light is gathered), `photons` and `read_noise` (the camera), and last the limit that
    belongs to `overexposure`, so that saturated places show no noise. All but `scale` act on the
    given images alone; `scale` on the stain, masks and cell centres as well.

    Light is measured from the dark level (0) to the white level (1), the percentile 99.9 of all
    given images of the set.
    """

    dark: Literal["zero", "percentile"] = "zero"
    """Stored count that means no light: `zero`, as for a camera without offset; or the percentile
    0.1 of all given images of the set, above which an exposure then acts."""

    scale: float | None = Field(None, ge=0.5, le=4)
    """Magnification relative to now (paper 2, 1.5). Above 1 the centre of the field fills the
    image; below 1 the field shrinks and is continued by its mirror image."""

    gradient: float | None = Field(None, ge=0, lt=2)
    """Uneven light: the factor rises from 1 - gradient / 2 at one border to 1 + gradient / 2 at
    the border opposite."""

    gradient_angle: float = Field(0, ge=-360, le=360)
    """Where the light is brightest, in degrees: 0 is right, 90 is up."""

    defocus: float | None = Field(None, ge=0, le=100)
    """Standard deviation of a Gaussian blur, in pixels of the image as it comes out."""

    overexposure: float | None = Field(None, gt=0, le=10_000)
    """Exposure in per cent of now: light p / 100 times as bright, cut off at the white level
    (paper 2, 150). Below 100 the image is darker; at 100 only what is above white is cut off."""

    photons: float | None = Field(None, ge=1, le=1e9)
    """Shot noise: photons that a pixel at the white level stands for. Fewer are noisier."""

    read_noise: float | None = Field(None, ge=0, le=10)
    """Standard deviation of the camera's read-out noise, as a share of the white level."""

    @model_validator(mode="after")
    def _shifts_something(self) -> ShiftSettings:
        if not self._parts():
            raise ValueError(
                "name at least one shift: scale, gradient, defocus, overexposure, photons or "
                "read_noise"
            )
        if self.gradient is None and self.gradient_angle != 0:
            raise ValueError("gradient_angle makes no difference without gradient")
        return self

    def name(self) -> str:
        """Return a short name, as ``scale 1.5 + overexposure 150 %``."""
        return " + ".join(self._parts())

    def _parts(self) -> list[str]:
        return [shift.words(self) for shift in SHIFTS if shift.is_in(self)]


@dataclass(frozen=True)
class Shift:
    """One shift: a field of the settings, and what its value does to an image.

    Parameters
    ----------
    name
        The field of `ShiftSettings`, which leaves the shift out where it is None.
    words
        Says it shortly, from the settings.
    apply
        Takes linear light, shape (H, W), the settings and a source of noise; returns as much.
    """

    name: str
    words: Callable[[Any], str]
    apply: Callable[[FloatImage, Any, np.random.Generator], FloatImage]

    def is_in(self, settings: ShiftSettings) -> bool:
        """Tell whether settings ask for it."""
        return getattr(settings, self.name, None) is not None


def _gradient_words(settings: ShiftSettings) -> str:
    angle = f" at {settings.gradient_angle:g} degrees" if settings.gradient_angle else ""
    return f"gradient {settings.gradient:g}{angle}"


def _exposure_words(settings: ShiftSettings) -> str:
    name = "exposure" if (settings.overexposure or 0) <= 100 else "overexposure"
    return f"{name} {settings.overexposure:g} %"


SHIFTS: list[Shift] = [
    Shift(
        "scale",
        lambda given: f"scale {given.scale:g}",
        lambda light, given, rng: magnify(light, given.scale),
    ),
    Shift(
        "gradient",
        _gradient_words,
        lambda light, given, rng: (
            light * light_gradient(light.shape, given.gradient, given.gradient_angle)
        ),
    ),
    Shift(
        "defocus",
        lambda given: f"defocus {given.defocus:g} px",
        lambda light, given, rng: blur(light, given.defocus),
    ),
    Shift(
        "overexposure",
        _exposure_words,
        lambda light, given, rng: expose(light, given.overexposure),
    ),
    Shift(
        "photons",
        lambda given: f"{given.photons:g} photons",
        lambda light, given, rng: light + draw_shot_noise(light, given.photons, rng),
    ),
    Shift(
        "read_noise",
        lambda given: f"read noise {given.read_noise:g}",
        lambda light, given, rng: light + draw_read_noise(light.shape, given.read_noise, rng),
    ),
]
"""Every shift in the order of physics."""


def shift_given(light: FloatImage, settings: ShiftSettings, rng: np.random.Generator) -> FloatImage:
    """Apply shifts to linear light (H, W), in the order of physics; at most 1 with `overexposure`.

    The source of noise is untouched where none is asked for.
    """
    for shift in SHIFTS:
        if shift.is_in(settings):
            light = shift.apply(light, settings, rng)
    return light if settings.overexposure is None else saturate(light)
