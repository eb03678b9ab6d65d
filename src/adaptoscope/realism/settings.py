"""Settings of how realism is measured."""

from pydantic import Field

from adaptoscope.training.settings import Settings

SMALLEST = 32
"""Smallest edge of a tile in pixels."""


class RealismSettings(Settings):
    """How realism is measured."""

    tile: int = Field(256, ge=SMALLEST)
    """Edge of the tiles in pixels; smaller where an image of any set is smaller."""

    most_tiles: int = Field(600, ge=4)
    """Tiles of a set that are measured at most, evenly over its images."""

    spectrum_bins: int = Field(16, ge=2)
    """Radial bins of the power spectrum, of equal width on a logarithmic axis."""

    folds: int = Field(5, ge=2)
    """Folds of the two-sample classifier, grouped by source image."""

    penalty: float = Field(1.0, gt=0)
    """L2 penalty of the classifier beside the summed log loss."""

    resamples: int = Field(1000, ge=1)
    """Resamples of the bootstrap over images."""

    halvings: int = Field(4, ge=1)
    """Divisions of the real images into two halves; the floor is their mean."""

    most_style_images: int = Field(64, ge=1)
    """Style images in which the tiles are looked for, evenly over the list; time grows with it."""

    batch: int = Field(16, ge=1)
    """Tiles that pass the encoder at once."""

    seed: int = Field(0, ge=0)
    """Seed of folds, halvings and bootstrap."""
