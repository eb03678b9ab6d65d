"""The drawings that images are made from: which is whose, and that they stay as they are."""

from pathlib import Path

from adaptoscope.datasets.counted_images import CountedImageSet, ImageRecord
from adaptoscope.errors import InputError, OutputError


def refuse_own_drawings(out: Path, drawings: Path) -> None:
    """Refuse to write what is made from drawings over the drawings."""
    if out.resolve() == drawings.resolve():
        raise OutputError(
            f"The output folder {out} is that of the drawings.",
            expected="another folder, so that the drawings stay",
            found="the same folder twice",
            remedy="choose another output folder",
        )


def pairs_with_drawings(
    made: CountedImageSet, drawings: CountedImageSet
) -> list[tuple[ImageRecord, ImageRecord]]:
    """Return every image with the drawing that its column ``layout`` names, in the order of `made`.

    An image with another number of cells than its drawing is refused.
    """
    by_name = {record.name: record for record in drawings}
    remedy = "name the folder of drawings that this set was stylised from"
    pairs = []
    for record in made:
        drawing = by_name.get(record.layout or "")
        if drawing is None:
            raise InputError(
                f"The drawing of {record.name} is not there.",
                expected=f"an image {record.layout or '(none named)'} in {drawings.folder}",
                found="no such image",
                remedy=remedy,
            )
        if record.labelled and record.count != drawing.count:
            raise InputError(
                f"The image {record.name} was not made from the drawing {drawing.name}.",
                expected=f"{record.count} cells, as the image has",
                found=f"{drawing.count} in {drawings.folder}",
                remedy=remedy,
            )
        pairs.append((record, drawing))
    return pairs
