"""What adapting to a folder without labels does, and whether the rule that keeps it is right.

    python benchmarks/adaptation.py [OUT] [--images SET ...]

Invented microscopes that the bundled counter was not made for, and any labelled SET besides, are
adapted to as `count predict --adapt` does; labels serve only to measure errors afterwards. Reported
is the mean absolute error of the counter before, of the adapted one of the steadiest seed whether
it was kept or not, and of the one that the rule left in use. What is made stays in OUT.
"""

import argparse
import dataclasses
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np

from adaptoscope.counting.conventions import Conventions, by_conventions
from adaptoscope.counting.model_folder import CountingModel, load_counter
from adaptoscope.datasets.counted_images import CountedImageSet, open_counted_images
from adaptoscope.datasets.records import ImageRecord
from adaptoscope.errors import AdaptoscopeError
from adaptoscope.pipeline.counter_adaptation import AdaptSettings, adapt_counter, adapted_counter
from adaptoscope.pipeline.verdict import Verdict
from adaptoscope.simulation.settings import SimulationSettings
from adaptoscope.simulation.write import simulate

sys.path.insert(0, str(Path(__file__).parent))
from finished_runs import print_result

PLAIN = {"height": 256, "width": 256, "cell_diameter_px": 14.0, "cells_per_mpx": 600.0}
MICROSCOPES: dict[str, dict[str, float]] = {
    "coarse chromatin, uneven brightness": {
        "texture_strength": 0.8,
        "texture_scale": 0.2,
        "nucleoli": 6.0,
        "nucleolus_depth": 0.9,
        "brightness_spread": 1.0,
    },
    "much debris": {"debris_per_mpx": 1500.0, "hot_pixels_per_mpx": 500.0},
    "bright rims, bright cytoplasm": {
        "rim": 1.5,
        "flatness": 0.1,
        "nucleoli": 0.0,
        "texture_strength": 0.3,
        "cytoplasm": 0.3,
    },
}
FIELDS = 24


def without_diameter(record: ImageRecord) -> ImageRecord:
    """Return a record as a user's folder has it, which tells no cell diameter."""
    return dataclasses.replace(record, cell_diameter_px=None)


def mean_error(model: CountingModel, images: CountedImageSet) -> float:
    """Return the mean absolute error in cells; the simulation lists cells by their centres."""
    counter = by_conventions(model, Conventions("centres")).counter
    return float(
        np.mean(
            [
                abs(counter.count(images.read(record).pixels).count - len(images.points(record)))
                for record in images
            ]
        )
    )


def seeds_of(before: CountingModel, out: Path, verdict: Verdict) -> list[CountingModel]:
    """Return the adapted counters of all seeds."""
    seeds = range(AdaptSettings().seed, AdaptSettings().seed + len(verdict.after))
    return [adapted_counter(before, out, seed) for seed in seeds]


def measure(
    name: str, images: CountedImageSet, out: Path, settings: AdaptSettings, device: str
) -> dict[str, Any]:
    """Adapt to some images and return the errors before and after."""
    labelled = images.training_part().labelled()
    used, verdict = adapt_counter("nuclei", images, out, settings, device=device)  # type: ignore[arg-type]
    before = load_counter("nuclei", device=device)
    steadiest = adapted_counter(before, out, verdict.seed)
    errors = [mean_error(model, labelled) for model in (before, steadiest, used)]
    print(f"{name}: {verdict.in_words(used.name)}", file=sys.stderr)
    every = [mean_error(each, labelled) for each in seeds_of(before, out, verdict)]
    return {
        "images": len(labelled),
        "mean_count": float(np.mean([len(labelled.points(record)) for record in labelled])),
        "reference": errors[0],
        "adapted": errors[1],
        "figure": errors[2],
        "worst_seed": max(every),
        "kept": float(verdict.kept),
        "steadier_by": 1 - float(np.mean(verdict.after)) / verdict.before,
        "moved": verdict.moved,
    }


def main() -> int:
    """Simulate, adapt, count, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, nargs="?", default=Path("runs/adaptation"))
    parser.add_argument("--images", type=Path, action="append", default=[])
    parser.add_argument("--steps", type=int)
    parser.add_argument("--drawings", type=int, default=AdaptSettings().drawings)
    parser.add_argument("--start", default="counter", choices=["anew", "counter"])
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--only", choices=sorted(MICROSCOPES), action="append")
    parser.add_argument("--only-sets", action="store_true", help="no invented microscope")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda", "mps"])
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    asked = {
        name: getattr(chosen, name) for name in ("steps", "learning_rate") if getattr(chosen, name)
    }
    settings = AdaptSettings(drawings=chosen.drawings, start=chosen.start, **asked)
    table = {}
    try:
        invented = [] if chosen.only_sets else chosen.only or MICROSCOPES
        for name in invented:
            place = chosen.out / name.replace(", ", "_").replace(" ", "_")
            microscope = SimulationSettings.model_validate({**PLAIN, **MICROSCOPES[name]})
            fields = simulate(place / "fields", microscope, count=FIELDS, seed=3)
            bare = fields.with_records(map(without_diameter, fields))
            table[name] = measure(name, bare, place / "adaptation", settings, chosen.device)
        for folder in chosen.images:
            opened = open_counted_images(folder)
            images = opened.with_records(map(without_diameter, opened))
            place = chosen.out / folder.name
            table[folder.name] = measure(folder.name, images, place, settings, chosen.device)
    except AdaptoscopeError as error:
        print(error, file=sys.stderr)
        return 2
    figure, reference = (
        float(np.mean([row[key] for row in table.values()])) for key in ("figure", "reference")
    )
    found = {
        "figure": figure,
        "reference": reference,
        "ratio": reference / figure if figure else None,
        "unit": "mean absolute error, cells, mean over the sets, with the rule",
        "reference_name": "nuclei as shipped",
        "table": table,
        "machine": f"{platform.machine()} {platform.system()}",
    }
    print_result(found, as_json=chosen.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
