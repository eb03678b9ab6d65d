"""Settings of the hard-coded synthetic images (Syn-HC), Algorithm 1 of paper 1.

Where paper 1 (InST-Microscopy) is silent or disagrees with itself, the field says so, says what its
public notebooks do, and says what is chosen here.
"""

from typing import Literal

from pydantic import Field, model_validator

from adaptoscope.training.settings import Settings

Range = tuple[float, float]


class SynthesisSettings(Settings):
    """Ellipses in clusters on a noisy background; the defaults are those of paper 1.

    Lengths are in pixels, intensities in stored counts (grey levels of an 8-bit file by default).
    """

    height: int = Field(256, ge=16, le=16384)
    """Height of the canvas. Algorithm 1 leaves (H, W) open; Table I gives 256 x 256; the public
    notebooks also draw 800 x 800 and 800 x 600."""

    width: int = Field(256, ge=16, le=16384)
    """Width of the canvas; see `height`."""

    clusters: tuple[int, int] = (3, 7)
    """Smallest and largest number of clusters, both included (Algorithm 1, line 3)."""

    count_mean: float = Field(120.0, ge=0.0)
    """Mean of the normal distribution of the number of cells (Algorithm 1, line 4)."""

    count_sd: float = Field(90.0, ge=0.0)
    """Standard deviation of that distribution."""

    count_limit: int = Field(600, ge=1)
    """Largest number of cells asked for. The text of paper 1 clamps to 600, its Algorithm 1 to
    1500; 600 here. On 256 x 256 only some 215 to 280 cells of 15 pixels fit: the label is what was
    placed, never what was asked for."""

    count_rule: Literal["clamp", "resample"] = "clamp"
    """What happens to a count outside [1, count_limit]: `clamp` as in paper 1 (9.3 % of images then
    ask for a single cell), or `resample`, draw again."""

    cells_per_mpx_quantiles: tuple[float, ...] = ()
    """Evenly spaced quantiles of a measured density in cells per million pixels. If given, each
    image draws its density from them and `count_mean` and `count_sd` are not used. Not in paper 1;
    written by `--like`."""

    cluster_spread: Range = (0.10, 0.25)
    """Range of the standard deviation of cells around their cluster centre, relative to the shorter
    side, drawn once per image. Paper 1 calls it delta and gives no value; chosen here."""

    cell_diameter_px: float = Field(15.0, ge=3.0, le=400.0)
    """Size of a cell. Paper 1: axis lengths "around a predefined cell size (15 pixels)", here read
    as the mean diameter."""

    semi_axis_range: Range = (0.4, 0.6)
    """Range of both semi-axes relative to the cell size. Not in paper 1; its notebooks draw whole
    pixels in [0.4, 0.6) x size; here real numbers."""

    semi_axis_quantiles: tuple[float, ...] = ()
    """Evenly spaced quantiles of measured semi-axes relative to the cell size, at least two. If
    given, both semi-axes are drawn from them and `semi_axis_range` is not used. Not in paper 1;
    written by `--like`."""

    intensity_range: Range = (100.0, 200.0)
    """Range of the intensity of a cell (paper 1, section IV-A). The notebooks draw all at 255."""

    background_mean_range: Range = (10.0, 30.0)
    """Range of the mean of the background, drawn once per image. Algorithm 1 says "Gaussian noise"
    only; value of the notebooks."""

    background_sd: float = Field(5.0, ge=0.0)
    """Standard deviation of the background noise; value of the notebooks."""

    largest_overlap: float = Field(0.10, gt=0.0, le=1.01)
    """A cell is placed if less than this part of its area is occupied (Algorithm 1, line 17)."""

    attempts_per_cell: int = Field(50, ge=1, le=10000)
    """A cluster gives up after this many attempts per assigned cell. Paper 1 says "max"; chosen
    here."""

    outside: Literal["reject", "clip"] = "reject"
    """What happens to a position outside the canvas: `reject` uses up the attempt, `clip` moves it
    to the border. Not in paper 1; reject here, since clipping piles cells up at the border."""

    contrast_range: Range = (0.8, 1.2)
    """Range of the factor alpha in ``alpha * I + beta``. Not in paper 1; value of the notebooks."""

    brightness_range: Range = (-20.0, 20.0)
    """Range of the offset beta. Not in paper 1; value of the notebooks."""

    bit_depth: Literal[8, 16] = 8
    """Bits of the stored file; paper 1 writes 8."""

    keep_dot_masks: bool = False
    """Also write the paper's mask G (255 at each centre, folder `dots`) and the cluster centres
    (folder `clusters`). Two centres can fall on one pixel: count the points, not the dots."""

    pixel_size_um: float | None = Field(None, gt=0.0)
    """Side of a pixel in micrometres written to the files, if known."""

    @model_validator(mode="after")
    def _check_ranges(self) -> "SynthesisSettings":
        for name in RANGES:
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name} begins at {low:g}, above its end {high:g}: exchange them")
        if self.clusters[0] < 1:
            raise ValueError(f"clusters begins at {self.clusters[0]}: at least 1 is needed")
        if self.semi_axis_range[0] <= 0 or self.cluster_spread[0] < 0:
            raise ValueError("semi_axis_range and cluster_spread must be above zero")
        axes = self.semi_axis_quantiles
        if axes and (len(axes) < 2 or axes[0] <= 0 or list(axes) != sorted(axes)):
            raise ValueError("semi_axis_quantiles needs two or more rising numbers above zero")
        if any(density < 0 for density in self.cells_per_mpx_quantiles):
            raise ValueError("cells_per_mpx_quantiles holds a density below zero")
        return self

    @property
    def semi_axes(self) -> tuple[float, ...]:
        """Evenly spaced quantiles of both semi-axes relative to the cell size."""
        return self.semi_axis_quantiles or self.semi_axis_range

    @property
    def largest_count(self) -> int:
        """Largest stored count of a pixel."""
        return int(2**self.bit_depth) - 1


RANGES = (
    "clusters",
    "cluster_spread",
    "semi_axis_range",
    "intensity_range",
    "background_mean_range",
    "contrast_range",
    "brightness_range",
)
