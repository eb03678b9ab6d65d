"""One hash for all that a set holds, by which changed inputs are noticed."""

import hashlib

from adaptoscope.datasets.counted_images import CountedImageSet


def fingerprint_of(images: CountedImageSet) -> str:
    """Hash everything that a result made from a set can depend on.

    Parameters
    ----------
    images
        The set; every image and mask is read.

    Returns
    -------
    str
        SHA-256 of rows, pixels, masks and points, in the order of the set.
    """
    digest = hashlib.sha256()
    for record in images:
        digest.update(repr(record).encode())
        digest.update(images.read(record).sha256.encode())
        mask = images.mask(record)
        digest.update(b"" if mask is None else mask.tobytes())
        digest.update(images.points(record).tobytes() if record.labelled else b"")
    return digest.hexdigest()
