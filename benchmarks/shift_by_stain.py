"""How a counter of nuclei fares on other stains of the same fields: errors by stain.

    python benchmarks/shift_by_stain.py [SET --fields SET2] [--model nuclei]

SET, by default `idcia-icc` of $ADAPTOSCOPE_DATA, is a counted folder with a channel for each image
and a `pairs.csv` (columns `input`, `target`) that names, for each of its images, the same field in
SET2 (`idcia-dapi`). Fields of the test split of SET2 are told apart: a counter that was trained on
SET2 has not seen those. Beside each error stands that of always saying the mean count of SET.
"""

import argparse
import platform
import sys
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptoscope.counting.evaluate import evaluate_counter
from adaptoscope.counting.model_folder import CountingModel, load_counter
from adaptoscope.datasets.counted_images import CountedImageSet, open_counted_images
from adaptoscope.errors import AdaptoscopeError, InputError
from adaptoscope.imageio.csv_tables import read_table
from adaptoscope.metrics.intervals import bootstrap_interval

sys.path.insert(0, str(Path(__file__).parent))
from finished_runs import in_data, print_result

PARTS = {True: "fields of the test split", False: "other fields"}


def fields_of_test(images: CountedImageSet, others: CountedImageSet) -> set[str]:
    """Return the base names of images whose field is in the test split of another set."""
    path = images.folder / "pairs.csv"
    if not path.exists():
        raise InputError(
            f"Nothing says which fields the images of {images.folder} show.",
            expected="pairs.csv with the columns input and target",
            found="no such file",
            remedy="choose another set, or write the file",
        )
    test = {record.name for record in others.images_of("test")}
    rows = read_table(path).rows
    return {
        PurePosixPath(row["target"]).name
        for row in rows
        if PurePosixPath(row["input"]).name in test
    }


def summary(
    predicted: NDArray[np.float64], true: NDArray[np.float64], mean: float
) -> dict[str, Any]:
    """Return the errors of some images, and the error of always saying a mean."""
    off = np.abs(predicted - true)
    found = bootstrap_interval(off, seed=0)
    reference = float(np.abs(mean - true).mean())
    return {
        "images": len(true),
        "mean_count": float(true.mean()),
        "figure": found.value,
        "interval": [found.lower, found.upper],
        "bias": float((predicted - true).mean()),
        "reference": reference,
        "ratio": reference / found.value if found.value else None,
    }


def measure(
    model: CountingModel, images: CountedImageSet, fields: CountedImageSet
) -> dict[str, Any]:
    """Return the errors of a counter over all images, and by stain and part."""
    held_out = fields_of_test(images, fields)
    found = evaluate_counter(model, images)
    stains = {record.name: record.channel or "unknown" for record in images}
    names = [each.image for each in found.images]
    stain = np.array([stains[name] for name in names])
    apart = np.array([name in held_out for name in names])
    predicted = np.array([each.predicted for each in found.images])
    true = np.array([each.true for each in found.images])
    mean = float(true.mean())
    table = {}
    for kind in sorted(set(stain)):
        for part, words in PARTS.items():
            chosen = (stain == kind) & (apart == part)
            if chosen.any():
                table[f"{kind}, {words}"] = summary(predicted[chosen], true[chosen], mean)
    return {
        **summary(predicted, true, mean),
        "unit": "mean absolute error, cells",
        "reference_name": "the mean count",
        "table": table,
        "machine": f"{platform.machine()} {platform.system()}",
    }


def main() -> int:
    """Count, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path, nargs="?", default=in_data("idcia-icc"), metavar="SET")
    parser.add_argument("--fields", type=Path, default=in_data("idcia-dapi"), metavar="SET2")
    parser.add_argument("--model", default="nuclei")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    try:
        images, fields = open_counted_images(chosen.images), open_counted_images(chosen.fields)
        found = measure(load_counter(chosen.model, device=chosen.device), images, fields)
    except AdaptoscopeError as error:
        print(error, file=sys.stderr)
        return 2
    print_result(found, as_json=chosen.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
