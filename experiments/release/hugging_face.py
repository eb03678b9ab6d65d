"""What lets `datasets.load_dataset` of Hugging Face read a release with masks and centres."""

import json
from typing import Any

import yaml

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.records import COLUMN_TYPES, RECORD_COLUMNS, ImageRecord
from adaptoscope.imageio.files import write_text
from experiments.release.settings import ReleaseSettings

LOADED = "metadata.jsonl"
"""A name that Hugging Face gives; ``metadata.csv`` can hold no list of centres."""


def write_rows(packed: CountedImageSet) -> None:
    """Write ``metadata.jsonl``: the rows of ``metadata.csv`` with centres and masks.

    `points` is a list of (x, y) as in ``points.csv``, and `mask_file_name` what Hugging Face reads
    as a second image, `mask`. Columns that are empty in every row are left out.

    Parameters
    ----------
    packed
        The data set; every image has a mask, as drawings have.
    """
    records = list(packed)
    filled = [name for name in RECORD_COLUMNS if any(getattr(r, name) is not None for r in records)]
    lines = [json.dumps(_row(packed, record, filled)) for record in records]
    write_text(packed.folder / LOADED, "\n".join(lines) + "\n")


def front_matter(settings: ReleaseSettings) -> str:
    """Return what Hugging Face reads at the head of a card."""
    files = [LOADED, "images/*.png", "masks/*.png"]
    facts = {
        "license": settings.licence,
        "pretty_name": settings.title,
        "task_categories": ["image-segmentation", "keypoint-detection"],
        "tags": ["biology", "microscopy", "cell-counting", "synthetic"],
        "configs": [
            {"config_name": "default", "data_files": [{"split": "train", "path": files}]},
        ],
    }
    return f"---\n{yaml.safe_dump(facts, sort_keys=False, allow_unicode=True)}---\n\n"


def _row(packed: CountedImageSet, record: ImageRecord, columns: list[str]) -> dict[str, Any]:
    """Return one line; numbers that may have decimals always do, so that no column changes type."""
    values = {name: getattr(record, name) for name in columns}
    plain = {
        name: float(value) if COLUMN_TYPES[name] is float and value is not None else value
        for name, value in values.items()
    }
    points = [[float(column), float(row)] for row, column in packed.points(record)]
    return {**plain, "mask_file_name": f"masks/{record.stem}.png", "points": points}
