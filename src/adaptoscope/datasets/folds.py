"""Divide images into folds for cross-validation without dividing a culture or a plate."""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.records import ImageRecord
from adaptoscope.errors import InputError

Folds = tuple[tuple[int, ...], ...]
_Groups = list[list[int]]


def grouped_folds(records: Sequence[ImageRecord], k: int, seed: int) -> Folds:
    """Divide images into folds of about equal size; images of one group stay together.

    The groups are dealt out from the largest to the smallest, those of one size in an order drawn
    with the seed, each to the fold that holds fewest images so far. So no fold has more images
    than another by more than the largest group holds.

    Each of the ``k`` folds holds the places of its images in `records`, ascending; an image without
    a group is a group of its own, and no fold is empty.
    """
    groups = _groups_of(records, range(len(records)))
    if not 2 <= k <= len(groups):
        raise InputError(
            f"The images cannot be divided into {k} folds.",
            expected="at least 2 folds, and at least one group of images for each",
            found=f"{k} folds for {len(groups)} groups of {len(records)} images",
            remedy="choose another number of folds, or correct the column group of metadata.csv",
        )
    folds: list[list[int]] = [[] for _ in range(k)]
    for members in sorted(_in_drawn_order(groups, seed), key=len, reverse=True):
        min(folds, key=len).extend(members)
    return tuple(tuple(sorted(fold)) for fold in folds)


def group_count(records: Sequence[ImageRecord]) -> int:
    """Return how many groups images are in; one without a group is a group of its own."""
    return len(_groups_of(records, range(len(records))))


def split_by_fold(
    images: CountedImageSet, folds: Folds, fold: int, *, validation: float = 0.0, seed: int = 0
) -> CountedImageSet:
    """Return a set whose splits are those of one fold: it tests, the others train and validate.

    Of the other images, whole groups become the split ``val``, drawn with the seed, until their
    number is as near to the share `validation` as they bring it, but at least one group; 0 leaves
    the split ``val`` empty. The order of the images stays, their own splits are replaced.
    """
    if sorted(place for members in folds for place in members) != list(range(len(images))):
        raise InputError(
            f"The folds do not belong to the images of {images.folder}.",
            expected=f"each of {len(images)} images in exactly one fold",
            found=f"{sum(len(members) for members in folds)} images in {len(folds)} folds",
            remedy="divide this set with grouped_folds",
        )
    if not 0 <= fold < len(folds) or not 0 <= validation < 1:
        raise InputError(
            "There is no such fold, or no such share of validation images.",
            expected=f"a fold of 0 to {len(folds) - 1} and a share of at least 0 and below 1",
            found=f"fold {fold} and share {validation}",
        )
    rest = [place for place in range(len(images)) if place not in set(folds[fold])]
    validating = _validating(images, rest, validation, seed) if validation else set()
    splits = dict.fromkeys(rest, "train")
    splits |= dict.fromkeys(validating, "val") | dict.fromkeys(folds[fold], "test")
    return images.with_records(
        dataclasses.replace(record, split=splits[place])
        for place, record in enumerate(images.records)
    )


def _validating(images: CountedImageSet, rest: Sequence[int], share: float, seed: int) -> set[int]:
    groups = _groups_of(images.records, rest)
    if len(groups) < 2:
        raise InputError(
            f"No image of {images.folder} would be left to train on.",
            expected="at least two groups of images outside the fold that tests",
            found=f"{len(groups)} groups",
            remedy="do without validation images, or choose more folds",
        )
    wanted = share * len(rest)
    drawn = _in_drawn_order(groups, seed)
    chosen: set[int] = set()
    for members in drawn[:-1]:
        if abs(len(chosen) + len(members) - wanted) < abs(len(chosen) - wanted):
            chosen.update(members)
    smallest = min(drawn, key=len)
    return chosen or set(smallest)


def _groups_of(records: Sequence[ImageRecord], places: Iterable[int]) -> _Groups:
    """Gather places by group, in the order in which the groups appear."""
    groups: dict[object, list[int]] = {}
    for place in places:
        name = records[place].group
        # A number is no group's name, so an image without a group cannot join one.
        groups.setdefault(place if name is None else name, []).append(place)
    return list(groups.values())


def _in_drawn_order(groups: _Groups, seed: int) -> _Groups:
    return [groups[index] for index in np.random.default_rng(seed).permutation(len(groups))]
