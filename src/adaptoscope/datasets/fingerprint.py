"""One hash for all that a set holds, by which changed inputs are noticed."""

import hashlib

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.paired_stains import PairedStainSet


def fingerprint_of(images: CountedImageSet) -> str:
    """Return the SHA-256 of the rows, pixels, masks and points of a set, in its order."""
    digest = hashlib.sha256()
    for record in images:
        digest.update(repr(record).encode())
        digest.update(images.read(record).sha256.encode())
        mask = images.mask(record)
        digest.update(b"" if mask is None else mask.tobytes())
        digest.update(images.points(record).tobytes() if record.labelled else b"")
    return digest.hexdigest()


def fingerprint_of_pairs(pairs: PairedStainSet) -> str:
    """Return the SHA-256 of the rows, pixels, masks and points of image pairs, in their order."""
    digest = hashlib.sha256(repr(sorted(pairs.hashes().items())).encode())
    for record in pairs:
        digest.update(repr(record).encode())
        mask = pairs.mask(record)
        digest.update(b"" if mask is None else mask.tobytes())
        digest.update(pairs.points(record).tobytes() if pairs.has_points else b"")
    return digest.hexdigest()
