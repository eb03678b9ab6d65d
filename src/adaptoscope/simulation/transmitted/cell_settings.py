"""Settings of the invented spread cells: sizes, thickness and refractive index."""

from typing import Self

from pydantic import Field, model_validator

from adaptoscope.training.settings import Settings


class SpreadCellSettings(Settings):
    """An invented culture of flat, spread cells with one nucleus each, as stromal cells are.

    Lengths are in micrometres in the plane of the specimen; refractive indices are differences to
    the medium around the cells.
    """

    nucleus_diameter_um: float = Field(13.7, gt=0.5, le=100.0)
    """Typical equivalent diameter of a nucleus in micrometres."""

    diameter_spread: float = Field(0.13, ge=0.0, le=0.6)
    """Relative standard deviation of the diameter between nuclei of a field."""

    cells_per_mm2: float = Field(520.0, ge=0.0, le=20000.0)
    """Mean density in cells per square millimetre."""

    density_spread: float = Field(0.2, ge=0.0, le=2.0)
    """Standard deviation of the logarithm of the density between fields."""

    clustered_fraction: float = Field(0.1, ge=0.0, le=1.0)
    """Share of nuclei that settle beside a nucleus that is there already."""

    closeness: float = Field(1.15, ge=0.3, le=1.5)
    """Smallest distance of two nuclei, in units of the sum of their radii; 1 = just touching."""

    smallest_aspect: float = Field(0.6, gt=0.1, le=1.0)
    """Smallest ratio of short to long axis of a nucleus; the largest is 1."""

    irregularity: float = Field(0.025, ge=0.0, le=0.3)
    """Relative amplitude of the Fourier perturbation of the outline of a nucleus."""

    mitotic_fraction: float = Field(0.02, ge=0.0, le=1.0)
    """Share of cells that are rounded up, with a small bright nucleus. They count."""

    brightness_spread: float = Field(0.2, ge=0.0, le=1.2)
    """Standard deviation of the logarithm of the DNA stain between nuclei of a field."""

    chromatin_strength: float = Field(0.18, ge=0.0, le=0.8)
    """Standard deviation of the logarithm of the DNA stain inside a nucleus."""

    nucleoli: float = Field(2.5, ge=0.0, le=8.0)
    """Mean number of nucleoli in a nucleus."""

    nucleolus_depth: float = Field(0.45, ge=0.0, le=1.0)
    """Relative loss of DNA stain in the middle of a nucleolus."""

    narrowest_spread: float = Field(2.5, gt=1.2, le=10.0)
    """Smallest equivalent diameter of a cell body in nuclear diameters, before arms."""

    widest_spread: float = Field(4.0, gt=1.2, le=10.0)
    """Largest equivalent diameter of a cell body in nuclear diameters, before arms."""

    longest_aspect: float = Field(0.3, gt=0.1, le=0.7)
    """Smallest ratio of short to long axis of a cell body; the largest is 0.7."""

    arms: float = Field(3.0, ge=0.0, le=8.0)
    """Mean number of pointed arms of a cell body."""

    arm_length: float = Field(0.6, ge=0.0, le=1.5)
    """Mean length of an arm relative to the body's radius in its direction."""

    lamella_um: float = Field(0.7, gt=0.0, le=20.0)
    """Thickness of the flat outer part of a cell (lamella)."""

    hill_um: float = Field(2.2, ge=0.0, le=30.0)
    """Extra thickness of a cell in the middle of its nucleus."""

    ruffle_um: float = Field(1.0, ge=0.0, le=10.0)
    """Largest extra thickness of the ruffled border; borders are ruffled in places only."""

    thickness_spread: float = Field(0.15, ge=0.0, le=1.0)
    """Standard deviation of the logarithm of the thickness between cells."""

    cytoplasm_index: float = Field(0.022, ge=0.0, le=0.3)
    """Refractive index of the cell above that of the medium."""

    cytoplasm_texture: float = Field(0.12, ge=0.0, le=1.0)
    """Relative standard deviation of the cytoplasm's index from place to place."""

    fibres: float = Field(0.15, ge=0.0, le=1.0)
    """Relative standard deviation of the lamella's thickness across the cell (stress fibres)."""

    fibre_um: float = Field(1.3, gt=0.0, le=20.0)
    """Distance over which that thickness changes, in micrometres."""

    nucleus_opd_um: float = Field(0.015, ge=-0.5, le=0.5)
    """Extra optical path of a nucleus in its middle, in micrometres."""

    envelope_opd_um: float = Field(0.012, ge=0.0, le=0.5)
    """Extra optical path along the nuclear envelope, in micrometres."""

    nucleolus_opd_um: float = Field(0.05, ge=0.0, le=0.5)
    """Extra optical path in the middle of a nucleolus, in micrometres."""

    granules_per_cell: float = Field(40.0, ge=0.0, le=1000.0)
    """Mean number of granules and vesicles around a nucleus."""

    granule_um: float = Field(0.7, gt=0.0, le=10.0)
    """Typical diameter of a granule in micrometres (at half of its height)."""

    granule_opd_um: float = Field(0.035, ge=0.0, le=0.5)
    """Mean extra optical path in the middle of a granule, in micrometres."""

    granule_reach: float = Field(0.5, gt=0.0, le=5.0)
    """Mean distance of granules from the nuclear border in nuclear radii."""

    debris_per_mm2: float = Field(50.0, ge=0.0, le=20000.0)
    """Mean number of floating specks per square millimetre, which are no cells."""

    absorption_per_um: float = Field(0.004, ge=0.0, le=1.0)
    """Loss of amplitude per micrometre of cell (natural logarithm)."""

    @model_validator(mode="after")
    def _order_the_spreads(self) -> Self:
        if self.narrowest_spread > self.widest_spread:
            raise ValueError(
                f"narrowest_spread {self.narrowest_spread:g} is above widest_spread "
                f"{self.widest_spread:g}: exchange them"
            )
        return self
