"""Settings of the invented specimen and of the invented microscope."""

from typing import Literal

from pydantic import Field, model_validator

from adaptoscope.training.settings import Settings


class SimulationSettings(Settings):
    """An invented culture of stained nuclei, seen through an invented wide-field microscope.

    The defaults give a 20x field of small nuclei, dark and low in contrast. Lengths are in pixels,
    light is in electrons per pixel, brightness of nuclei is relative to `nucleus_electrons`.
    """

    height: int = Field(256, ge=16, le=16384)
    """Height of the image in pixels."""

    width: int = Field(256, ge=16, le=16384)
    """Width of the image in pixels."""

    cell_diameter_px: float = Field(15.0, ge=3.0, le=400.0)
    """Typical equivalent diameter of a nucleus in pixels."""

    diameter_spread: float = Field(0.15, ge=0.0, le=0.6)
    """Relative standard deviation of the diameter between nuclei of a field."""

    cells_per_mpx: float = Field(900.0, ge=0.0)
    """Mean density in nuclei per million pixels."""

    density_spread: float = Field(0.6, ge=0.0, le=2.0)
    """Standard deviation of the logarithm of the density between fields."""

    clustered_fraction: float = Field(0.55, ge=0.0, le=1.0)
    """Share of nuclei that settle beside a nucleus that is there already."""

    closeness: float = Field(0.8, ge=0.3, le=1.5)
    """Smallest distance of two centres, in units of the sum of their radii; 1 = just touching."""

    edge_rule: Literal["centre", "visible"] = "centre"
    """Which nuclei cut by the border are labelled: those whose centre is inside, or every one of
    which at least a fifth is visible (then its point is the centroid of the visible part)."""

    smallest_aspect: float = Field(0.7, gt=0.1, le=1.0)
    """Smallest ratio of short to long axis; the largest is 1."""

    irregularity: float = Field(0.05, ge=0.0, le=0.3)
    """Relative amplitude of the Fourier perturbation of the outline."""

    flatness: float = Field(0.4, ge=0.1, le=1.0)
    """Exponent of the height profile (1 - s^2): 0.5 is a ball, smaller is a flat disc."""

    rim: float = Field(0.0, ge=-0.5, le=1.5)
    """Extra brightness of the nuclear rim relative to the middle."""

    brightness_spread: float = Field(0.3, ge=0.0, le=1.2)
    """Standard deviation of the logarithm of brightness between nuclei of a field."""

    texture_strength: float = Field(0.15, ge=0.0, le=0.8)
    """Standard deviation of the logarithm of brightness inside a nucleus (chromatin)."""

    texture_scale: float = Field(0.08, gt=0.0, le=0.5)
    """Size of the chromatin pattern in units of the cell diameter."""

    nucleoli: float = Field(2.0, ge=0.0, le=8.0)
    """Mean number of nucleoli (dark spots) in a nucleus."""

    nucleolus_depth: float = Field(0.3, ge=0.0, le=1.0)
    """Relative loss of brightness in the middle of a nucleolus."""

    mitotic_fraction: float = Field(0.03, ge=0.0, le=1.0)
    """Share of nuclei that are small and bright: dividing or shrinking cells. They count."""

    debris_per_mpx: float = Field(60.0, ge=0.0)
    """Mean number of bright specks per million pixels that are no cells and have no label."""

    defocus_fraction: float = Field(0.2, ge=0.0, le=1.0)
    """Share of nuclei that lie outside the focal plane."""

    defocus_px: float = Field(2.5, ge=0.0, le=60.0)
    """Largest blur of a nucleus outside the focal plane, standard deviation in pixels."""

    psf_sigma_px: float = Field(1.2, ge=0.0, le=30.0)
    """Blur of the focal plane, standard deviation in pixels."""

    halo_weight: float = Field(0.2, ge=0.0, le=0.9)
    """Share of light that ends in the wide skirt of the point spread function."""

    halo_diameters: float = Field(0.8, gt=0.0, le=5.0)
    """Standard deviation of that skirt in cell diameters."""

    cytoplasm: float = Field(0.05, ge=0.0, le=2.0)
    """Brightness of the cytoplasm around nuclei, relative to a nucleus."""

    background_electrons: float = Field(60.0, ge=0.0)
    """Light between the cells in electrons per pixel."""

    background_variation: float = Field(0.06, ge=0.0, le=1.0)
    """Relative standard deviation of slow changes of the background."""

    vignette: float = Field(0.15, ge=0.0, le=0.9)
    """Loss of light in the corners."""

    tilt: float = Field(0.05, ge=0.0, le=0.8)
    """Largest relative change of light from the centre to a border."""

    nucleus_electrons: float = Field(300.0, gt=0.0)
    """Light of a typical nucleus above the background, electrons per pixel in its middle."""

    read_noise_electrons: float = Field(6.0, ge=0.0)
    """Standard deviation of the read-out noise in electrons."""

    row_noise_electrons: float = Field(1.5, ge=0.0)
    """Standard deviation of an offset common to a row of pixels, in electrons."""

    hot_pixels_per_mpx: float = Field(30.0, ge=0.0)
    """Mean number of single bright pixels per million (sensor faults)."""

    counts_per_electron: float = Field(0.1, gt=0.0)
    """Gain of the camera: stored counts per electron."""

    offset_counts: float = Field(2.0, ge=0.0)
    """Stored counts where there is no light."""

    camera_bits: int = Field(8, ge=8, le=16)
    """Bits of the camera. It saturates at 2**bits - 1; above 8 bits files hold 16."""

    pixel_size_um: float | None = Field(None, gt=0.0)
    """Side of a pixel in micrometres, if the invented microscope is to state one."""

    culture_spread: float = Field(0.15, ge=0.0, le=1.0)
    """Standard deviation of the logarithm of brightness and density between cultures."""

    @model_validator(mode="after")
    def _keep_nuclei_inside_the_field(self) -> "SimulationSettings":
        if self.cell_diameter_px > min(self.height, self.width):
            raise ValueError(
                f"cell_diameter_px {self.cell_diameter_px:g} is larger than the image "
                f"({self.height} x {self.width}): make height and width larger"
            )
        return self

    @property
    def bit_depth(self) -> Literal[8, 16]:
        """Bits of the stored file: 8 or 16."""
        return 8 if self.camera_bits == 8 else 16

    @property
    def largest_count(self) -> int:
        """Count at which the camera saturates."""
        return int(2**self.camera_bits) - 1
