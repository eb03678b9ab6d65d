"""The layout of drawings, taken over by simulated fields: the same cells under the microscope."""

import numpy as np
from skimage.measure import regionprops

from adaptoscope.datasets.counted_images import CountedImageSet, ImageRecord
from adaptoscope.errors import InputError
from adaptoscope.simulation.layout import NucleusPlaces


def places_of_drawing(
    drawings: CountedImageSet, record: ImageRecord, *, enlarged: float = 1.0
) -> NucleusPlaces:
    """Return where the cells of a drawing lie, how large they are and how they are turned.

    Value i + 1 of its mask belongs to point i. Axes and direction are those of the ellipse with the
    moments of the visible part of the cell; a cell of which nothing is visible is as long as it is
    wide. `enlarged` makes up for optics in which cells look smaller than they are.
    """
    mask = drawings.mask(record)
    if mask is None or not record.cell_diameter_px:
        raise InputError(
            f"The layout of {record.name} cannot be simulated.",
            expected="a mask, and a number above 0 in the column cell_diameter_px",
            found="no mask" if mask is None else "no cell diameter",
            remedy="draw it with `adaptoscope synthesise`",
        )
    centres = drawings.points(record)
    semi_axes = np.full((len(centres), 2), record.cell_diameter_px / 2)
    angles = np.zeros(len(centres))
    for region in regionprops(mask):
        index = region.label - 1
        # A part one pixel wide has no width of its own.
        axes = np.maximum([region.axis_major_length, region.axis_minor_length], 1.0)
        semi_axes[index] = axes / 2
        angles[index] = np.pi / 2 - region.orientation
    return NucleusPlaces(centres, enlarged * semi_axes, angles)
