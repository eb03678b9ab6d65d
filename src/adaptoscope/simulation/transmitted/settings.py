"""Settings of the invented transmitted-light microscope, its camera and its stains."""

from typing import Literal, Self, get_args

from pydantic import Field, model_validator

from adaptoscope.simulation.transmitted.cell_settings import SpreadCellSettings
from adaptoscope.training.settings import Settings

Modality = Literal["phase", "brightfield", "defocused"]
"""Phase contrast, bright field in focus, bright field out of focus."""

MODALITIES: tuple[Modality, ...] = get_args(Modality)
STAINS = ("dapi", "cd29")
"""The nuclear stain and the membrane stain that every field has."""


class OpticsSettings(Settings):
    """Objective, condenser and phase ring; apertures are sines of angles in air."""

    wavelength_um: float = Field(0.55, gt=0.2, le=2.0)
    """Wavelength of the lamp's light in air, in micrometres."""

    objective_na: float = Field(0.25, gt=0.01, le=1.2)
    """Numerical aperture of the objective."""

    medium_index: float = Field(1.337, ge=1.0, le=1.6)
    """Refractive index of the medium around the cells."""

    condenser_na: float = Field(0.12, ge=0.0, le=1.2)
    """Numerical aperture of the condenser in bright field; 0 is a parallel beam."""

    ring_na: float = Field(0.15, gt=0.0, le=1.2)
    """Middle of the phase ring, as a numerical aperture."""

    ring_width_na: float = Field(0.03, gt=0.0, le=0.5)
    """Width of the phase ring; the condenser's annulus is half as wide, in its middle."""

    ring_transmission: float = Field(0.25, gt=0.0, le=1.0)
    """Share of the intensity that the phase ring lets through."""

    source_points: int = Field(16, ge=2, le=2000, multiple_of=2)
    """Points of the condenser's aperture over which is summed; opposite points go in pairs."""

    defocus_um: float = Field(15.0, ge=-500.0, le=500.0)
    """How far the focal plane of the modality `defocused` lies from the cells towards the objective
    (below 0: away from it), in micrometres of the medium."""

    @model_validator(mode="after")
    def _keep_the_light_inside_the_objective(self) -> Self:
        half = self.ring_width_na / 2
        if self.ring_na - half <= 0 or self.ring_na + half > self.objective_na:
            raise ValueError(
                f"the phase ring from {self.ring_na - half:g} to {self.ring_na + half:g} does not "
                f"lie inside the objective_na {self.objective_na:g}: change ring_na or "
                "ring_width_na"
            )
        if self.condenser_na > self.objective_na:
            raise ValueError(
                f"condenser_na {self.condenser_na:g} is above objective_na {self.objective_na:g}, "
                "which is dark field: make it smaller"
            )
        if self.objective_na >= self.medium_index:
            raise ValueError(
                f"objective_na {self.objective_na:g} is not below medium_index "
                f"{self.medium_index:g}: no such light leaves the medium"
            )
        return self


class CameraSettings(Settings):
    """Lamp and camera of transmitted light; images are stored with 16 bits."""

    background_electrons: float = Field(12000.0, gt=0.0, le=1e6)
    """Electrons per pixel where there is no cell."""

    background_level: float = Field(0.45, gt=0.0, lt=1.0)
    """Where the background lies in the stored range: near the middle, as halos are brighter."""

    read_noise_electrons: float = Field(8.0, ge=0.0, le=1000.0)
    """Standard deviation of the read-out noise in electrons."""

    vignette: float = Field(0.06, ge=0.0, le=0.9)
    """Loss of light in the corners."""

    tilt: float = Field(0.04, ge=0.0, le=0.4)
    """Largest relative change of light from the centre to a border."""

    unevenness: float = Field(0.01, ge=0.0, le=0.3)
    """Relative standard deviation of slow changes of the light over the field."""


class StainSettings(Settings):
    """A fluorescence channel of its own: stain, point spread function, camera; 16 bits."""

    emission_um: float = Field(0.46, gt=0.2, le=2.0)
    """Wavelength of the emitted light in micrometres; with the aperture it gives the blur."""

    halo_share: float = Field(0.25, ge=0.0, le=0.9)
    """Share of light that ends in the wide skirt of the point spread function."""

    halo_um: float = Field(6.0, gt=0.0, le=100.0)
    """Standard deviation of that skirt in micrometres."""

    signal_electrons: float = Field(2500.0, gt=0.0, le=1e6)
    """Electrons per pixel from a signal of 1: the middle of a typical nucleus, or flat membrane."""

    background_electrons: float = Field(150.0, ge=0.0, le=1e6)
    """Electrons per pixel between the cells."""

    background_variation: float = Field(0.1, ge=0.0, le=1.0)
    """Relative standard deviation of slow changes of the background."""

    vignette: float = Field(0.1, ge=0.0, le=0.9)
    """Loss of light in the corners."""

    read_noise_electrons: float = Field(6.0, ge=0.0, le=1000.0)
    """Standard deviation of the read-out noise in electrons."""

    offset_electrons: float = Field(40.0, ge=0.0, le=1e5)
    """Offset of the camera: electrons that zero of the stored range lies below no light."""

    full_scale_electrons: float = Field(6000.0, gt=0.0, le=1e7)
    """Electrons, with the offset, at which the camera saturates."""

    @model_validator(mode="after")
    def _leave_room_for_the_stain(self) -> Self:
        dark = self.background_electrons + self.offset_electrons
        if dark >= self.full_scale_electrons:
            raise ValueError(
                f"full_scale_electrons {self.full_scale_electrons:g} is not above background and "
                f"offset, {dark:g}: the stain could not be seen"
            )
        return self


class MembraneStainSettings(StainSettings):
    """A membrane stain (CD29): sheets above and below, and a store around the nucleus."""

    emission_um: float = Field(0.52, gt=0.2, le=2.0)
    """Wavelength of the emitted light in micrometres; with the aperture it gives the blur."""

    signal_electrons: float = Field(350.0, gt=0.0, le=1e6)
    """Electrons per pixel from one flat sheet of membrane over the whole pixel."""

    background_electrons: float = Field(120.0, ge=0.0, le=1e6)
    """Electrons per pixel between the cells."""

    full_scale_electrons: float = Field(5000.0, gt=0.0, le=1e7)
    """Electrons, with the offset, at which the camera saturates."""

    steepness_gain: float = Field(9.0, ge=0.0, le=10.0)
    """Factor on the extra area of steep membrane, which is folded there; 1 = smooth sheets."""

    perinuclear: float = Field(2.6, ge=0.0, le=50.0)
    """Signal of the store right beside the nucleus, in flat sheets."""

    perinuclear_reach: float = Field(0.7, gt=0.0, le=10.0)
    """Distance over which the store fades outwards by a factor e, in nuclear radii."""

    above_nucleus: float = Field(0.35, ge=0.0, le=1.0)
    """Share of the store's signal that is left above the middle of the nucleus."""

    one_sidedness: float = Field(0.35, ge=0.0, le=1.0)
    """How much stronger the store is on one side of the nucleus, relative to its mean."""

    granularity: float = Field(0.2, ge=0.0, le=1.0)
    """Standard deviation of the logarithm of the fine granular texture."""

    expression_spread: float = Field(0.2, ge=0.0, le=1.0)
    """Standard deviation of the logarithm of the stain between cells of a field."""


class TransmittedSettings(Settings):
    """Invented spread cells in transmitted light and in two fluorescence stains.

    The defaults give a 10x field of mesenchymal stromal cells.
    """

    height: int = Field(256, ge=32, le=2048)
    """Height of the image in pixels."""

    width: int = Field(256, ge=32, le=2048)
    """Width of the image in pixels."""

    pixel_size_um: float = Field(0.65, gt=0.02, le=10.0)
    """Side of a pixel in micrometres, in the plane of the specimen."""

    margin_px: int = Field(20, ge=8, le=512)
    """Width of the border around the field that is computed and then cut off."""

    cells: SpreadCellSettings = SpreadCellSettings()
    """The specimen."""

    optics: OpticsSettings = OpticsSettings()
    """Objective and condenser, shared by all modalities and stains."""

    camera: CameraSettings = CameraSettings()
    """Lamp and camera of transmitted light."""

    dapi: StainSettings = StainSettings()
    """The nuclear stain."""

    cd29: MembraneStainSettings = MembraneStainSettings()
    """The membrane stain."""

    @model_validator(mode="after")
    def _fit_cells_into_the_field(self) -> Self:
        diameter = self.nucleus_diameter_px
        if not 4 <= diameter <= min(self.height, self.width):
            raise ValueError(
                f"a nucleus of {diameter:.3g} pixels cannot be drawn in {self.height} x "
                f"{self.width} pixels (4 to the shorter side): change pixel_size_um or "
                "nucleus_diameter_um"
            )
        return self

    @model_validator(mode="after")
    def _fit_the_optics_to_the_pixels(self) -> Self:
        optics = self.optics
        outermost = max(optics.condenser_na, optics.ring_na + optics.ring_width_na / 4)
        coarsest = optics.wavelength_um / (2 * (optics.objective_na + outermost))
        if self.pixel_size_um > coarsest:
            raise ValueError(
                f"pixels of {self.pixel_size_um:g} um are too coarse for these apertures and this "
                f"wavelength, at most {coarsest:.3g} um: change pixel_size_um or optics"
            )
        sides = (self.height + 2 * self.margin_px, self.width + 2 * self.margin_px)
        finest = optics.wavelength_um / (self.pixel_size_um * min(sides))
        if optics.ring_width_na < 2.9 * finest:
            raise ValueError(
                f"the phase ring (ring_width_na {optics.ring_width_na:g}) is too narrow for a "
                f"field of {min(sides)} pixels, at least {2.9 * finest:.3g}: make the field or "
                "margin_px larger"
            )
        return self

    @property
    def nucleus_diameter_px(self) -> float:
        """Typical diameter of a nucleus in pixels."""
        return self.cells.nucleus_diameter_um / self.pixel_size_um
