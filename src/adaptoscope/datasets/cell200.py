"""Cell-200, simulated cells whose number is known, brought into a counted-image folder.

The set belongs to CcGAN (Ding et al., ICLR 2021), whose code reads it from one HDF5 file: images of
64 x 64 pixels with 1 to 200 cells each, 1,000 of every number. Paper 1 trains on a balanced part of
it, 250 images of each of four classes of counts. Where the cells are is not published.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.errors import InputError

if TYPE_CHECKING:
    import h5py

IMAGES, COUNTS = "IMGs_grey", "CellCounts"
"""Names of the two arrays of the file."""

COUNT_CLASSES = ((0, 49), (50, 99), (100, 149), (150, 199))
"""Fewest and most cells of the four classes: [0, 50), [50, 100), [100, 150), [150, 200) of paper 1,
which leave images of 200 cells out."""

# Paper 1: 1,000 images, of which 800 for training.
PER_CLASS = 250
TRAIN_SHARE = 0.8

# Bounds on what a hostile file can make us read: the published one has 200,000 of 64 x 64.
_MOST_IMAGES = 1_000_000
_LARGEST_SIDE = 1024

_CARD = """A balanced part of Cell-200, fluorescence images that SIMCEP simulated: {images} images,
drawn with seed {seed} from {all} of the file `{file}`, equally many of each class of counts:
{classes}. Of each class {share:.0f} % are in the split `train`, the others in `val`.

Cite: X. Ding, Y. Wang, Z. Xu, W. J. Welch, Z. J. Wang, ICLR 2021; A. Lehmussola et al., IEEE TMI
2007. Licence: see the publishers' page before you pass it on.

Images are counted, but where their cells are is not known: a regressor can learn from them, a
counter that says where cells are cannot."""


def import_cell200(
    source: Path,
    destination: Path,
    *,
    seed: int = 0,
    per_class: int = PER_CLASS,
    overwrite: bool = False,
    on_image: Callable[[], object] | None = None,
) -> CountedImageSet:
    """Convert a balanced part of Cell-200, as paper 1 uses it.

    The HDF5 file holds `IMAGES`, uint8 of shape (N, 1, H, W) or (N, H, W), and `COUNTS`, whole
    numbers of shape (N,). `per_class` images of each of the `COUNT_CLASSES` are drawn with the
    seed, 4 of 5 for the split ``train``, the others for ``val``. They have counts and no centres.
    """
    import h5py

    source = Path(source)
    with _reading(source):
        file = h5py.File(source, "r")
    with file:
        counts = _read_counts(file, source)
        images = _find_images(file, source, len(counts))
        chosen = choose_balanced(counts, per_class, seed)
        facts = {"file": source.name, "all": len(counts), "seed": seed}
        settings = {**facts, "importer": "cell200", "per_class": per_class}
        settings |= {"counts": int(counts.sum())}
        writer = CountedImageWriter(
            destination, settings, "Cell-200, balanced", overwrite=overwrite
        )
        for index, split, members in chosen:
            name = f"cell200_{index:06d}"
            if writer.has(name):
                continue
            with _reading(source):
                pixels = np.squeeze(images[index]).astype(np.float32) / 255.0
            count = int(counts[index])
            writer.add(
                name,
                pixels,
                points=None,
                count=count,
                cells_per_mpx=count / pixels.size * 1e6,
                density_class=members,
                domain="cell200",
                synthetic=True,
                split=split,
            )
            if on_image is not None:
                on_image()
    classes = ", ".join(f"{low} to {high}" for low, high in COUNT_CLASSES)
    share = 100 * TRAIN_SHARE
    return writer.finish(_CARD.format(**facts, images=len(chosen), classes=classes, share=share))


def choose_balanced(
    counts: NDArray[np.int64], per_class: int, seed: int
) -> list[tuple[int, str, str]]:
    """Draw equally many images of each class of counts, and divide each class in the same way.

    Index, split and class of each image, ordered by index; `counts` has shape (N,).
    """
    generator = np.random.default_rng(seed)
    chosen = []
    for low, high in COUNT_CLASSES:
        members = np.flatnonzero((counts >= low) & (counts <= high))
        if len(members) < per_class:
            raise InputError(
                f"There are too few images with {low} to {high} cells.",
                expected=f"{per_class} of each class",
                found=str(len(members)),
                remedy="use the whole file of Cell-200, or ask for fewer of each class",
            )
        drawn = generator.choice(members, per_class, replace=False)
        train = round(TRAIN_SHARE * per_class)
        chosen += [
            (int(index), "train" if place < train else "val", f"{low}-{high}")
            for place, index in enumerate(drawn)
        ]
    return sorted(chosen)


@contextmanager
def _reading(source: Path) -> Iterator[None]:
    """Say in words for a person that the file cannot be read."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"The file {source} cannot be read as Cell-200.",
            expected="the HDF5 file that the authors of CcGAN publish, Cell200_64x64.h5",
            found=" ".join(str(error).split())[:200],
            remedy="check the path, or download the file again",
        ) from error


def _read_counts(file: h5py.File, source: Path) -> NDArray[np.int64]:
    stored = _array(file, COUNTS, source)
    if stored.ndim != 1 or not 0 < len(stored) <= _MOST_IMAGES or stored.dtype.kind not in "iuf":
        raise _unfit(source, COUNTS, f"one number per image, at most {_MOST_IMAGES:,}", stored)
    with _reading(source):
        counts = np.asarray(stored[()], dtype=np.float64)
    if not (np.isfinite(counts).all() and (counts >= 0).all() and (counts % 1 == 0).all()):
        raise InputError(
            f"The counts of {source} are not numbers of cells.",
            expected=f"whole numbers of at least 0 in {COUNTS}",
            found="a fraction, a negative number, or none",
            remedy="download the file again",
        )
    return counts.astype(np.int64)


def _find_images(file: h5py.File, source: Path, n: int) -> h5py.Dataset:
    stored = _array(file, IMAGES, source)
    shape = stored.shape
    flat = len(shape) == 3 or (len(shape) == 4 and shape[1] == 1)
    fits = flat and shape[0] == n and max(shape[-2:]) <= _LARGEST_SIDE and min(shape[-2:]) > 0
    small = stored.chunks is None or np.prod(stored.chunks) <= 64 * _LARGEST_SIDE**2
    if stored.dtype != np.uint8 or not fits or not small:
        wanted = f"uint8 of shape ({n}, 1, H, W), H and W at most {_LARGEST_SIDE}"
        raise _unfit(source, IMAGES, wanted, stored)
    return stored


def _array(file: h5py.File, name: str, source: Path) -> h5py.Dataset:
    """Find an array that is stored in the file itself: links and pieces may lead to other files."""
    import h5py

    link = file.get(name, getlink=True)
    stored = file.get(name) if isinstance(link, h5py.HardLink) else None
    own = isinstance(stored, h5py.Dataset) and not stored.external and not stored.is_virtual
    if own:
        return stored
    raise InputError(
        f"The file {source} is not Cell-200.",
        expected=f"the arrays {IMAGES} and {COUNTS}, stored in the file itself",
        found=f"{name} elsewhere" if link is not None else f"no {name}, but {_some(file)}",
        remedy="give the file that the authors of CcGAN publish, Cell200_64x64.h5",
    )


def _some(file: h5py.File) -> str:
    names = sorted(file)
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "") or "nothing"


def _unfit(source: Path, name: str, expected: str, stored: h5py.Dataset) -> InputError:
    return InputError(
        f"The array {name} of {source} cannot be used.",
        expected=expected,
        found=f"{stored.dtype} of shape {stored.shape}",
        remedy="give the file that the authors of CcGAN publish, Cell200_64x64.h5",
    )
