"""What conventions of counting are worth: border, blurred cells, and two hand counts that say both.

    python benchmarks/conventions.py [SET ...] [--model nuclei] [--splits train val] [--draws 200]

Every image of some counted sets is looked at once. The table holds the mean absolute error of the
counter as it is, with each convention for all images, and after a calibration by two hand counts:
two images drawn at random, far apart in number, say how all others are read; mean over the draws.
"""

import argparse
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np

from adaptoscope.counting.conventions import AS_IT_DOES, Conventions
from adaptoscope.counting.count_image import count_cells
from adaptoscope.counting.density_counter import DensityCounter
from adaptoscope.counting.hand_counts import fit_reading
from adaptoscope.counting.model_folder import CountingModel, load_counter
from adaptoscope.counting.post_processing import DensityReading, DensitySurvey
from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.errors import AdaptoscopeError

sys.path.insert(0, str(Path(__file__).parent))
from finished_runs import in_data, print_result

SETS = ("idcia-dapi", "deepcell-nuclei", "ccri-neuroblastoma", "salr-clumps", "bbbc039", "dsb2018")
TOLD = {
    "as it is": AS_IT_DOES,
    "edges centres": Conventions(edges="centres"),
    "blurred skip": Conventions(blurred="skip"),
    "both": Conventions(edges="centres", blurred="skip"),
}


def looked_at(
    model: CountingModel, folder: Path, splits: list[str], most: int
) -> tuple[list[DensitySurvey], np.ndarray[Any, Any]]:
    """Return what the counter sees in the images of some splits, and how many cells are marked."""
    images = open_counted_images(folder)
    records = [record for split in splits for record in images.split(split).labelled()]
    records = records[:: -(-len(records) // most)]
    surveys = [count_cells(model, images.read(record)).survey for record in records]
    true = np.array([len(images.points(record)) for record in records], dtype=np.float64)
    return [survey for survey in surveys if survey is not None], true


def error(surveys: list[DensitySurvey], true: np.ndarray[Any, Any], how: DensityReading) -> float:
    """Return the mean absolute error of a reading."""
    return float(np.mean([abs(s.read(how)[0] - t) for s, t in zip(surveys, true, strict=True)]))


def after_two(
    surveys: list[DensitySurvey], true: np.ndarray[Any, Any], own: DensityReading, draws: int
) -> float:
    """Return the mean error of the other images after a calibration by two."""
    rng, errors = np.random.default_rng(0), []
    order = np.argsort([survey.read(own)[0] for survey in surveys], kind="stable")
    lower, upper = np.array_split(order, 2)
    for _ in range(draws):
        pair = [int(rng.choice(lower)), int(rng.choice(upper))]
        fitted = fit_reading([surveys[i] for i in pair], [true[i] for i in pair], own).reading
        others = [i for i in range(len(true)) if i not in pair]
        errors.append(error([surveys[i] for i in others], true[others], fitted))
    return float(np.mean(errors))


def main() -> int:
    """Read the options, count, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", type=Path, nargs="*", default=[in_data(name) for name in SETS])
    parser.add_argument("--model", default="nuclei")
    parser.add_argument("--splits", nargs="+", default=["train", "val"])
    parser.add_argument("--most", type=int, default=150, help="images of each set")
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    table: dict[str, dict[str, float]] = {}
    try:
        model = load_counter(options.model)
        if not isinstance(model.counter, DensityCounter):
            parser.error("--model needs a density counter")
        own = model.counter.reading
        for folder in options.sets:
            surveys, true = looked_at(model, folder, options.splits, options.most)
            row = {"images": float(len(true))}
            for name, told in TOLD.items():
                row[name] = error(surveys, true, own.changed(**told.changes()))
            row["two hand counts"] = after_two(surveys, true, own, options.draws)
            table[folder.name] = row
    except AdaptoscopeError as failure:
        print(failure, file=sys.stderr)
        return 2
    figure, reference = (
        float(np.mean([row[name] for row in table.values()]))
        for name in ("two hand counts", "as it is")
    )
    found = {
        "figure": figure,
        "reference": reference,
        "ratio": reference / figure,
        "unit": "mean absolute error in cells, mean over the sets, after two hand counts",
        "table": table,
        "machine": f"{platform.machine()} {platform.system()}",
    }
    print_result(found, as_json=options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
