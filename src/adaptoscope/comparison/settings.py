"""What is measured when two sets are compared, and from where on a difference counts."""

import math
from typing import Literal, Self

from pydantic import Field, model_validator

from adaptoscope.training.settings import Settings

Verdict = Literal["alike", "differs", "differs strongly", "not known"]


class Bounds(Settings):
    """From where on two values differ."""

    differs: float
    """Below this they are alike."""

    strongly: float
    """From here on they differ strongly."""

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if not 0 <= self.differs <= self.strongly:
            raise ValueError("0 <= differs <= strongly must hold")
        return self

    def verdict(self, difference: float) -> Verdict:
        """Say in words how large a difference is; NaN is not known."""
        if math.isnan(difference):
            return "not known"
        if difference < self.differs:
            return "alike"
        return "differs" if difference < self.strongly else "differs strongly"


class ComparisonSettings(Settings):
    """How two sets are compared."""

    most_images: int = Field(30, ge=1)
    """Images of a set that are measured at most, evenly over the list: medians of 30 images are
    known to a fifth of their spread, and measuring one takes up to a second."""

    tile: int = Field(112, ge=32)
    """Edge of the tiles whose look is compared, in pixels of the set with the smaller cells;
    smaller where the images are. Nine cells of usual size, and four tiles in an image of 256 px."""

    most_tiles: int = Field(200, ge=4)
    """Tiles of a set whose look is compared at most, evenly over the measured images."""

    halvings: int = Field(10, ge=1)
    """How often A is divided into halves that are compared with each other; the largest of these
    distances is the floor, below which two sets of its kind may lie by chance."""

    folds: int = Field(5, ge=2)
    """Folds of the classifier that tells tiles of A from tiles of B, whole images left out."""

    penalty: float = Field(1.0, gt=0)
    """L2 penalty of the classifier beside the summed log loss."""

    batch: int = Field(16, ge=1)
    """Tiles that pass the encoder at once."""

    seed: int = Field(0, ge=0)
    """Seed of halvings and folds."""

    pixel_size: Bounds = Bounds(differs=1.05, strongly=1.5)
    """Ratio. Stated sizes are exact; 5 % is how far nominal magnifications are off."""

    saturation: Bounds = Bounds(differs=0.005, strongly=0.05)
    """Difference of the shares of pixels cut off at the bright end. From one in 200 on bright cells
    lose their texture; at one in 20 most cells have."""

    focus: Bounds = Bounds(differs=1.25, strongly=1.7)
    """Ratio of the steepness of cell borders. Images of one stage differ by about 20 % among
    themselves (IDCIA, training images)."""

    noise: Bounds = Bounds(differs=1.5, strongly=3.0)
    """Ratio of noise to contrast. 1.5 is what halving the light does (1.4), and a little."""

    background: Bounds = Bounds(differs=0.25, strongly=1.0)
    """Difference of the background levels, in units of the contrast of cells in A. Counters that
    normalise each image do not mind it; a fixed threshold is lost at one contrast."""

    unevenness: Bounds = Bounds(differs=0.05, strongly=0.2)
    """Difference of the unevenness of the background, as a share of the contrast. Dim cells have a
    fifth of the contrast of usual ones."""

    contrast: Bounds = Bounds(differs=1.5, strongly=3.0)
    """Ratio of the contrasts of cells."""

    histogram: Bounds = Bounds(differs=0.15, strongly=0.5)
    """Wasserstein distance of the intensities in units of the contrast of cells in A: how far
    a pixel has to be moved on average."""

    diameter: Bounds = Bounds(differs=1.15, strongly=1.5)
    """Ratio of cell diameters. Measured without labels they are uncertain by several per cent;
    cells half as large again are not what a counter has seen, unless it rescales."""

    density: Bounds = Bounds(differs=1.5, strongly=3.0)
    """Ratio of cells per area, and of the area that cells cover. Fields of one culture often differ
    by as much as 1.5."""

    look: Bounds = Bounds(differs=1.0, strongly=5.0)
    """Kernel distance of features in units of the floor, or of its own uncertainty if that is
    larger."""

    told_apart: Bounds = Bounds(differs=0.7, strongly=0.9)
    """How often a linear classifier ranks a tile of B above one of A: 0.5 is chance, 1 always."""
