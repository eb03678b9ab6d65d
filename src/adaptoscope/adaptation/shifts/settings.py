"""Settings of a domain shift: what another microscope or another exposure does to images."""

from typing import Literal

from pydantic import Field, model_validator

from adaptoscope.training.settings import Settings


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
    def _shifts_something(self) -> "ShiftSettings":
        if not self._parts():
            raise ValueError(
                "name at least one shift: scale, gradient, defocus, overexposure, photons or "
                "read_noise"
            )
        if self.gradient is None and self.gradient_angle != 0:
            raise ValueError("gradient_angle makes no difference without gradient")
        return self

    @property
    def is_noisy(self) -> bool:
        """Whether noise is drawn."""
        return self.photons is not None or self.read_noise is not None

    def name(self) -> str:
        """Return a short name, as ``scale 1.5 + overexposure 150 %``."""
        return " + ".join(self._parts())

    def _parts(self) -> list[str]:
        exposure = "exposure" if (self.overexposure or 0) <= 100 else "overexposure"
        angle = f" at {self.gradient_angle:g} degrees" if self.gradient_angle else ""
        named = (
            (self.scale, "scale {:g}"),
            (self.gradient, "gradient {:g}" + angle),
            (self.defocus, "defocus {:g} px"),
            (self.overexposure, exposure + " {:g} %"),
            (self.photons, "{:g} photons"),
            (self.read_noise, "read noise {:g}"),
        )
        return [text.format(value) for value, text in named if value is not None]
