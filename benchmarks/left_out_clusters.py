"""What counting loses on kinds of images that training never saw: whole clusters left out.

    python benchmarks/left_out_clusters.py [OUT] [--images SET] [--also SET ...] [--steps 300]

The clusters of SET (its groups; by default `dsb2018` of $ADAPTOSCOPE_DATA) are dealt into rounds by
size. In each round a counter is trained as `count pretrain` does, without the training images of
some clusters, and counts the test images of just these. The reference is a counter trained alike
on all clusters. A short training, the same for both: it says what is lost, not how good the shipped
counter is. What is trained stays in OUT, and the same call goes on where it was interrupted.
"""

import argparse
import platform
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptoscope.counting.evaluate import evaluate_counter
from adaptoscope.counting.evaluation_result import EvaluatedImage
from adaptoscope.counting.model_folder import load_counter
from adaptoscope.counting.pretrain_counter import CounterTrainingSettings, pretrain_counter
from adaptoscope.datasets.counted_images import CountedImageSet, open_counted_images
from adaptoscope.errors import AdaptoscopeError, InputError
from adaptoscope.metrics.intervals import bootstrap_interval
from adaptoscope.metrics.paired import paired_bootstrap
from adaptoscope.training.step_loop import Device, start_fabric

sys.path.insert(0, str(Path(__file__).parent))
from finished_runs import in_data, print_result


def groups_of(images: CountedImageSet) -> dict[str, str]:
    """Return the group of every image by its name.

    Raises
    ------
    InputError
        If an image is in no group.
    """
    without = [record.name for record in images if record.group is None]
    if without:
        raise InputError(
            f"Not every image of {images.folder} is in a cluster.",
            expected="an entry in the column group for every image",
            found=f"{len(without)} images without one, the first of them {without[0]}",
            remedy="fill in the column group of metadata.csv, or choose other --images",
        )
    return {record.name: str(record.group) for record in images}


def dealt(groups: dict[str, str], rounds: int) -> list[set[str]]:
    """Deal groups into rounds, the largest first, each to the smallest round."""
    sizes = Counter(groups.values())
    parts: list[set[str]] = [set() for _ in range(rounds)]
    for group, _ in sizes.most_common():
        min(parts, key=lambda part: sum(sizes[each] for each in part)).add(group)
    return [part for part in parts if part]


def counted(
    out: Path,
    images: CountedImageSet,
    also: list[CountedImageSet],
    settings: CounterTrainingSettings,
    left_out: set[str],
    device: Device,
) -> list[EvaluatedImage]:
    """Train without some groups and count the test images; of these groups, if there are any."""
    groups = groups_of(images)
    shown = [each for each in images.images_of("train") if groups[each.name] not in left_out]
    asked = [
        each for each in images.images_of("test") if not left_out or groups[each.name] in left_out
    ]
    pretrain_counter(out, [images.with_records(shown), *also], settings, device=device)
    counter = load_counter(out, device=str(start_fabric(device).device))
    return list(evaluate_counter(counter, images.with_records(asked)).images)


def absolute_errors(images: list[EvaluatedImage]) -> NDArray[np.float64]:
    """Return the absolute errors of images in the order of their names."""
    return np.array([abs(each.error) for each in sorted(images, key=lambda one: one.image)])


def main() -> int:
    """Train, count, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, nargs="?", default=Path("runs/left_out_clusters"))
    parser.add_argument("--images", type=Path, default=in_data("dsb2018"))
    parser.add_argument("--also", type=Path, action="append", default=[])
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda", "mps"])
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    settings = CounterTrainingSettings(steps=chosen.steps, batch=chosen.batch, seed=chosen.seed)
    try:
        images = open_counted_images(chosen.images)
        also = [open_counted_images(folder) for folder in chosen.also]
        groups = groups_of(images)
        parts = dealt(groups, chosen.rounds)
        every = counted(chosen.out / "all", images, also, settings, set(), chosen.device)
        without = []
        for number, part in enumerate(parts, start=1):
            without += counted(
                chosen.out / f"round_{number}", images, also, settings, part, chosen.device
            )
    except AdaptoscopeError as error:
        print(error, file=sys.stderr)
        return 2
    found = result(every, without, groups)
    found |= {"steps": chosen.steps, "rounds": [sorted(part) for part in parts]}
    print_result(found, as_json=chosen.json)
    return 0


def result(
    every: list[EvaluatedImage], without: list[EvaluatedImage], groups: dict[str, str]
) -> dict[str, Any]:
    """Return the errors of both counters, together and by cluster."""
    ours, theirs = absolute_errors(without), absolute_errors(every)
    member = np.array([groups[name] for name in sorted(each.image for each in every)])
    figure = bootstrap_interval(ours, seed=0)
    reference = bootstrap_interval(theirs, seed=0)
    difference = paired_bootstrap(ours, theirs, seed=0)
    table = {
        f"cluster {group}": {
            "images": int((member == group).sum()),
            "figure": float(ours[member == group].mean()),
            "reference": float(theirs[member == group].mean()),
        }
        for group in sorted(set(member), key=lambda name: (len(name), name))
    }
    return {
        "figure": figure.value,
        "interval": [figure.lower, figure.upper],
        "reference": reference.value,
        "reference_interval": [reference.lower, reference.upper],
        "ratio": reference.value / figure.value,
        "difference": [difference.value, difference.lower, difference.upper],
        "unit": "mean absolute error on test images, cells, their cluster left out",
        "reference_name": "a counter trained alike on all clusters",
        "images": len(ours),
        "table": table,
        "machine": f"{platform.machine()} {platform.system()}",
    }


if __name__ == "__main__":
    sys.exit(main())
