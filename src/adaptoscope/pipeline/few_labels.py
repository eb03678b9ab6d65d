"""The real images that a row may learn from, where it may use few labels or none."""

from collections.abc import Sequence

import numpy as np

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.records import without_label
from adaptoscope.errors import InputError
from adaptoscope.pipeline.rows import Row


def images_for_row(row: Row, real: CountedImageSet, seed: int) -> CountedImageSet:
    """Return the real images as a row is shown them.

    Parameters
    ----------
    row
        A row of the table.
    real
        Real images with the splits ``train``, ``test`` and perhaps ``val``.
    seed
        Seed of the row's training, which also draws the images whose labels are used.

    Returns
    -------
    CountedImageSet
        All of them, if the row uses every label. Otherwise without validation images, and with
        only the drawn training images; or, without any label, with all training images, not
        counted. Those of the split ``test`` are always there, to be kept back.
    """
    if row.uses_labels and row.labelled is None:
        return real
    if row.uses_labels and row.labelled is not None:
        shown = choose_labelled(real.split("train"), row.labelled, seed)
    else:
        shown = real.with_records(without_label(record) for record in real.images_of("train"))
    return real.with_records((*shown.records, *real.images_of("test")))


def choose_labelled(images: CountedImageSet, number: int, seed: int) -> CountedImageSet:
    """Draw labelled images evenly over their counts; fewer are always among more."""
    labelled = images.labelled()
    if len(labelled) < number:
        raise InputError(
            f"There are too few labelled training images in {images.folder}.",
            expected=f"at least {number}, as the row asks for",
            found=str(len(labelled)),
            remedy="correct `labelled` in the settings, or leave it out to use all",
        )
    records = labelled.records
    cells = [len(labelled.points(record)) for record in records]
    by_count = sorted(range(len(records)), key=lambda index: (cells[index], records[index].name))
    chosen = set(spread_order(by_count, np.random.default_rng(seed))[:number])
    return labelled.with_records(record for index, record in enumerate(records) if index in chosen)


def spread_order(members: Sequence[int], generator: np.random.Generator) -> list[int]:
    """Order a sorted list so that its first few are always spread over all of it.

    Each half is ordered in this way, and the two take turns; chance says which begins. So of the
    first 2, 4 or 8 as many come from either half, and from either quarter.
    """
    if len(members) < 2:
        return list(members)
    middle = (len(members) + int(generator.integers(0, 2))) // 2
    halves = [spread_order(half, generator) for half in (members[:middle], members[middle:])]
    first, second = halves if generator.integers(0, 2) else halves[::-1]
    turns = max(len(first), len(second))
    return [half[turn] for turn in range(turns) for half in (first, second) if turn < len(half)]
