"""Style images by density of their cells: low, medium and high, as paper 1 groups them."""

import numpy as np

from adaptoscope.datasets.counted_images import CountedImageSet, ImageRecord
from adaptoscope.datasets.density_classes import CLASSES, COUNT_LIMITS, DENSITY_LIMITS, class_of
from adaptoscope.errors import InputError
from adaptoscope.images.measurement import measure_image
from adaptoscope.style_transfer.style_tokens.settings import DensityRule
from adaptoscope.training.progress import progress


def limits_of(rule: DensityRule) -> tuple[float, float]:
    """Return where ``medium`` and ``high`` begin, in cells or in cells per million pixels."""
    if rule.limits is not None:
        return rule.limits
    return COUNT_LIMITS if rule.measure == "count" else DENSITY_LIMITS


def group_by_density(images: CountedImageSet, rule: DensityRule) -> dict[str, CountedImageSet]:
    """Divide style images into density classes: low, medium, high; empty ones are absent.

    Where the set is split, only its training images are taken; the rule says what decides, and how
    many images of a class are kept.
    """
    divided = divide_by_density(images.training_part(), rule)
    return {
        name: members.with_records(_draw(list(members), rule)) for name, members in divided.items()
    }


def divide_by_density(images: CountedImageSet, rule: DensityRule) -> dict[str, CountedImageSet]:
    """Divide all images of a set, whatever their split; `rule.per_class` is not applied."""
    members: dict[str, list[ImageRecord]] = {name: [] for name in CLASSES}
    limits = limits_of(rule)
    for record in progress(images, "measure cell density", len(images), unit="image"):
        members[class_of(_value(images, record, rule), limits)].append(record)
    return {name: images.with_records(records) for name, records in members.items() if records}


def _value(images: CountedImageSet, record: ImageRecord, rule: DensityRule) -> float:
    height, width = images.size(record)
    if rule.source == "labels":
        if record.count is None:
            raise InputError(
                f"The image {record.file_name} has no count to class it by.",
                expected="a labelled image",
                found="an unlabelled one",
                remedy="label it, or take `source: measured`",
            )
        count = float(record.count)
    else:
        count = float(measure_image(images.read(record).pixels).number)
    return count if rule.measure == "count" else count / (height * width / 1e6)


def _draw(records: list[ImageRecord], rule: DensityRule) -> list[ImageRecord]:
    if rule.per_class is None or rule.per_class >= len(records):
        return records
    rng = np.random.default_rng(rule.seed)
    chosen = rng.choice(len(records), size=rule.per_class, replace=False)
    return [records[index] for index in sorted(chosen)]
