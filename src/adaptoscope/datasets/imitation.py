"""Real images that something made is to look like: only such as may be learnt from, of one kind."""

from collections.abc import Iterable

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.leakage import refuse_held_out_images
from adaptoscope.datasets.tiles import evenly_spread
from adaptoscope.errors import InputError
from adaptoscope.imageio.files import MicroscopyImage


def images_to_imitate(
    real: CountedImageSet,
    *,
    most_images: int,
    held_out: Iterable[CountedImageSet] = (),
    purpose: str,
) -> list[MicroscopyImage]:
    """Read images of a set that may be measured in order to make others like them, of one depth.

    Labels are not used. Of a set with splits only training images are read, at most `most_images`,
    evenly over the list. None of them may be among the validation and test images of this set or of
    those `held_out`, told by their pixels and their source. `purpose` says what they are for, as in
    ``measure drawings on``.
    """
    free = real.training_part()
    refuse_held_out_images(free, (real, *held_out), purpose)
    images = [free.read(record) for record in evenly_spread(free.records, most_images)]
    refuse_mixed_depths({image.scale.bit_depth for image in images})
    return images


def refuse_mixed_depths(depths: set[int]) -> None:
    """Refuse images of several bit depths, whose intensities cannot be imitated at once."""
    if len(depths) > 1:
        raise InputError(
            "The images to imitate have different bit depths.",
            expected="one bit depth",
            found=", ".join(f"{depth} bit" for depth in sorted(depths)),
            remedy="imitate one kind of images at a time",
        )


def common_pixel_size(sizes: Iterable[float | None]) -> float | None:
    """Return the pixel size, in micrometres, that all images state, or None."""
    stated = set(sizes)
    return stated.pop() if len(stated) == 1 else None
