"""The real images of an experiment, or the simulated ones that stand for them."""

import hashlib
from pathlib import Path

from adaptoscope.datasets.counted_images import CountedImageSet, open_counted_images
from adaptoscope.pipeline.protocols import refuse_one_sided
from adaptoscope.pipeline.settings import (
    OtherFolder,
    RealFolder,
    RealSimulated,
    StyleSettings,
)
from adaptoscope.simulation.write import simulate
from adaptoscope.training.path_variables import expand_path
from adaptoscope.training.progress import progress, progress_display


def open_real_images(
    chosen: RealFolder | RealSimulated, folder: Path, *, overwrite: bool = False
) -> CountedImageSet:
    """Open the real images, or make the simulated ones that stand for them.

    Parameters
    ----------
    folder
        Where simulated ones are written.
    """
    real = open_undivided_images(chosen, folder, overwrite=overwrite)
    refuse_one_sided(real)
    return real


def open_undivided_images(
    chosen: RealFolder | RealSimulated, folder: Path, *, overwrite: bool = False
) -> CountedImageSet:
    """Open the real images as `open_real_images` does, whatever their splits.

    Parameters
    ----------
    chosen, folder, overwrite
        As for `open_real_images`.
    """
    if isinstance(chosen, RealFolder):
        return open_counted_images(
            chosen.path(), root=root_of(chosen), channel=chosen.channel, z=chosen.z
        )
    with progress_display("simulate", chosen.images, unit="image") as advance:
        return simulate(
            folder,
            chosen.simulation,
            count=chosen.images,
            seed=chosen.seed,
            fractions=chosen.fractions,
            overwrite=overwrite,
            on_image=advance,
        )


def open_style_images(
    style: StyleSettings, chosen: RealFolder | RealSimulated, real: CountedImageSet
) -> CountedImageSet:
    """Open the images whose look is taken: a folder's own, else the real training images."""
    if style.images is None:
        return real.split("train")
    return open_counted_images(
        expand_path(style.images), root=root_of(chosen), channel=real.channel, z=real.z
    ).training_part()


def open_other(chosen: OtherFolder) -> CountedImageSet:
    """Open synthetic images of another simulator; where there are splits, those of ``train``."""
    return open_counted_images(
        chosen.path(), root=root_of(chosen), channel=chosen.channel, z=chosen.z
    ).training_part()


def root_of(chosen: RealFolder | RealSimulated) -> Path | None:
    """Return the further folder that listed images may lie in."""
    root = chosen.root if isinstance(chosen, RealFolder) else None
    return None if root is None else expand_path(root)


def hashes_of_real(real: CountedImageSet) -> dict[str, str]:
    """Hash the pixels of every image, and all that the list and the centres say of it.

    Returns
    -------
    dict
        From names that a person knows, such as ``test image images/a.tif``, to hashes.
    """
    found = {}
    for record in progress(real, "check the real images", unit="image"):
        found[f"{record.split or 'real'} image {record.file_name}"] = real.read(record).sha256
        labels = hashlib.sha256(repr(record).encode())
        labels.update(real.points(record).tobytes() if record.labelled else b"")
        found[f"labels of {record.file_name}"] = labels.hexdigest()
    return found
