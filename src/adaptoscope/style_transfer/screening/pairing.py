"""Which drawing a stylised image was made from."""

from adaptoscope.datasets.counted_images import CountedImageSet, ImageRecord
from adaptoscope.errors import InputError


def pairs_with_drawings(
    stylised: CountedImageSet, drawings: CountedImageSet
) -> list[tuple[ImageRecord, ImageRecord]]:
    """Return every stylised image with its drawing.

    Parameters
    ----------
    stylised
        Stylised images; their column ``layout`` names the drawing.
    drawings
        The drawings they were made from.

    Returns
    -------
    list of tuple
        The record of the image and that of its drawing, in the order of `stylised`.
    """
    by_name = {record.name: record for record in drawings}
    pairs = []
    for record in stylised:
        drawing = by_name.get(record.layout or "")
        if drawing is None:
            raise InputError(
                f"The drawing of {record.name} is not there.",
                expected=f"an image {record.layout or '(none named)'} in {drawings.folder}",
                found="no such image",
                remedy="name the folder of drawings that this set was stylised from",
            )
        if record.labelled and record.count != drawing.count:
            raise InputError(
                f"The image {record.name} was not made from the drawing {drawing.name}.",
                expected=f"{record.count} cells, as the image has",
                found=f"{drawing.count} in {drawings.folder}",
                remedy="name the folder of drawings that this set was stylised from",
            )
        pairs.append((record, drawing))
    return pairs
