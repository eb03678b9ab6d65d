"""Images that are kept back for validation and testing must not be learnt from.

Images are told apart by the hash of their decoded pixels and by that of their source, where it is
recorded, so that renaming a file or saving it in another format hides nothing. Crops and altered
copies that do not name their source are not recognised.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from adaptoscope.datasets.counted_images import CountedImageSet, ImageRecord
from adaptoscope.errors import LeakageError

HELD_OUT_SPLITS = ("val", "test")

_SHOWN = 5


def held_out_hashes(images: CountedImageSet) -> dict[str, str]:
    """Collect the images of a set that nothing may be trained on.

    From SHA-256, of the decoded pixels of each image and of its source where that is recorded, to
    ``"split: file name"``. Images without a split are not held out.
    """
    return {
        sha256: f"{split}: {record.file_name}"
        for split in HELD_OUT_SPLITS
        for record in images.images_of(split)
        for sha256 in _hashes_of(images, record)
    }


def refuse_held_out_images(
    images: CountedImageSet, held_out: Iterable[CountedImageSet], purpose: str
) -> None:
    """Refuse a set that holds an image which is kept back, under whatever name.

    Every image is looked at, by its pixels and by its source; validation and test images of the
    sets `held_out` are kept back. `purpose` says what the images are for, as in ``train the
    counter``.
    """
    kept_back: dict[str, str] = {}
    for other in held_out:
        kept_back |= held_out_hashes(other)
    if kept_back:
        used = ((item.file_name, sha) for item in images for sha in _hashes_of(images, item))
        refuse_held_out(used, kept_back, purpose)


def refuse_held_out(
    images: Iterable[tuple[str, str]], held_out: Mapping[str, str], purpose: str
) -> None:
    """Refuse images, given by file name and SHA-256, that `held_out_hashes` has; see above."""
    leaked = [(name, held_out[sha256]) for name, sha256 in images if sha256 in held_out]
    if leaked:
        name = leaked[0][0]
        shown = "; ".join(f"{used} has the pixels of {place}" for used, place in leaked[:_SHOWN])
        more = "; and more" if len(leaked) > _SHOWN else ""
        raise LeakageError(
            f"The image {name} was about to be used to {purpose}, but it is kept back.",
            expected=f"no image of the splits {' and '.join(HELD_OUT_SPLITS)}",
            found=f"{len(leaked)} such image(s): {shown}{more}",
            remedy="take these images out of the folder, or use only the split train",
        )


def _hashes_of(images: CountedImageSet, record: ImageRecord) -> set[str]:
    source = {record.source_sha256} if record.source_sha256 else set()
    return {images.read(record).sha256} | source
