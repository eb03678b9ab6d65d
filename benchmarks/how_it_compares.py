"""Count the test images of many sets with many counters, and write docs/how_it_compares.md.

    python benchmarks/how_it_compares.py [SET ...] [--write docs/how_it_compares.md]

Every counter is as it comes, one setting for all sets, and runs in a process of its own, which
tells its seconds and its largest memory. StarDist, InstanSeg and Cellpose take part where they are
installed (`other_programs.py`); otherwise they are listed as not measured.
"""

import argparse
import json
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptoscope.counting.count_image import count_cells
from adaptoscope.counting.model_folder import load_counter
from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.imageio.microscopy_image import MicroscopyImage
from adaptoscope.metrics.intervals import bootstrap_interval
from adaptoscope.metrics.paired import paired_bootstrap

sys.path.insert(0, str(Path(__file__).parent))
from finished_runs import in_data, print_result
from other_programs import PROGRAMS, is_installed

SETS = (
    "dsb2018",
    "bbbc039",
    "ccri-neuroblastoma",
    "salr-clumps",
    "codex-tissue",
    "deepcell-nuclei",
    "idcia-dapi",
)
OURS = ("nuclei", "dog", "otsu_watershed", "imagej_particles", "voronoi_otsu")
FIRST = "nuclei"


def counter_of(name: str) -> Callable[[MicroscopyImage], float]:
    """Return what counts an image with a counter of this package, or a program of others."""
    if name in PROGRAMS:
        count = PROGRAMS[name][1]()
        return lambda image: count(image.pixels)
    model = load_counter(name)
    return lambda image: count_cells(model, image).count


def count_all(name: str, sets: list[Path]) -> dict[str, Any]:
    """Count all test images in this process."""
    count = counter_of(name)
    counts: dict[str, list[float]] = {}
    seconds, images = 0.0, 0
    for folder in sets:
        opened = open_counted_images(folder).split("test").labelled()
        counts[folder.name] = []
        for record in opened:
            image = opened.read(record)
            if not images:
                count(image)
            begun = time.perf_counter()
            counts[folder.name].append(count(image))
            seconds += time.perf_counter() - begun
            images += 1
    # Kilobytes on Linux, bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return {"counts": counts, "seconds": seconds / max(images, 1), "gigabytes": memory / 1e9}


def in_own_process(name: str, sets: list[Path]) -> dict[str, Any]:
    """Count all test images in a process of its own."""
    command = [sys.executable, __file__, *map(str, sets), "--counter", name]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return found


def true_counts(folder: Path) -> NDArray[np.float64]:
    """Return how many cells are marked in the test images of a set."""
    opened = open_counted_images(folder).split("test").labelled()
    return np.array([len(opened.points(record)) for record in opened], dtype=np.float64)


def compared(sets: list[Path], found: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return errors for each counter and set, with intervals and paired differences."""
    true = {folder.name: true_counts(folder) for folder in sets}
    table: dict[str, dict[str, Any]] = {}
    for name, ran in found.items():
        row: dict[str, Any] = {"seconds": ran["seconds"], "gigabytes": ran["gigabytes"]}
        relative = []
        for one, counts in ran["counts"].items():
            errors = np.abs(np.array(counts) - true[one])
            first = np.abs(np.array(found[FIRST]["counts"][one]) - true[one])
            error = bootstrap_interval(errors, seed=0)
            row[one] = [error.value, error.lower, error.upper]
            if name != FIRST and len(errors) > 1:
                against = paired_bootstrap(errors, first, seed=0)
                row[f"{one}, difference"] = [against.value, against.lower, against.upper]
            relative.append(float(errors.sum() / max(true[one].sum(), 1)))
        row["worst"] = max(relative)
        row["mean"] = float(np.mean(relative))
        table[name] = row
    return table


def page(sets: list[Path], table: dict[str, dict[str, Any]], machine: str) -> str:
    """Return the page that is kept in the documentation."""
    names = [folder.name for folder in sets]
    sizes = {folder.name: true_counts(folder) for folder in sets}
    header = " | ".join(f"{name} ({len(sizes[name])})" for name in names)
    lines = [
        "# How it compares",
        "",
        "Counters without training or labels on the test images of the sets of this project.",
        "Every counter is as it comes, one setting for all. This page is written by",
        "`python benchmarks/how_it_compares.py --write docs/how_it_compares.md`; all its figures",
        "are of that one run.",
        "",
        "Mean absolute error in cells, with its 95 % bootstrap interval over images; below each",
        "counter the difference from `nuclei`, paired by image, which is above 0 where `nuclei` is",
        "nearer. In brackets behind a set: its test images.",
        "",
        f"| Counter | {header} |",
        "| --- |" + " ---: |" * len(names),
    ]
    for name, row in table.items():
        shown = f"`{name}`" if name in OURS else name
        lines.append(f"| {shown} | " + " | ".join(_errors(row[one]) for one in names) + " |")
        if name != FIRST:
            differences = (row.get(f"{one}, difference") for one in names)
            told = " | ".join("–" if each is None else _difference(each) for each in differences)
            lines.append(f"| minus `{FIRST}` | {told} |")
    absent = [name for name in PROGRAMS if name not in table]
    lines += [f"| {name} |" + " not measured |" * len(names) for name in absent]
    lines += [
        "",
        "| Counter | Error as a share of all cells, mean of the sets | Worst set | "
        "Seconds an image | Largest memory |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, row in table.items():
        shown = f"`{name}`" if name in OURS else name
        lines.append(
            f"| {shown} | {100 * row['mean']:.1f} % | {100 * row['worst']:.1f} % | "
            f"{row['seconds']:.2f} | {row['gigabytes']:.2f} GB |"
        )
    lines += [
        "",
        f"Machine: {machine}, as many threads as the libraries take by default.",
        "",
        "- `nuclei`, `dog` and `otsu_watershed` are the counters of [stage 3](stages/counting.md).",
        "- `imagej_particles`: rolling ball of 50 pixels, blur of 1, IsoData threshold, watershed",
        "  of the distance map, particles from 20 pixels; ImageJ's recipe on scikit-image.",
        "- `voronoi_otsu`: maxima of the image blurred by a seventh of the measured diameter,",
        "  inside Otsu's mask.",
        "- These five count images from which hot pixels, lettering and the like were taken out.",
        "- In codex-tissue two experts differ by a factor of 1.6; errors are against the second.",
        "- `nuclei` has seen training images of dsb2018 and bbbc039, and none of the other sets.",
        "",
    ]
    return "\n".join(lines)


def _errors(each: list[float]) -> str:
    return f"{each[0]:.1f} [{each[1]:.1f}, {each[2]:.1f}]"


def _difference(each: list[float]) -> str:
    value, lower, upper = (f"{part:+.1f}".replace("-", "−") for part in each)
    return f"{value} [{lower}, {upper}]"


def main() -> int:
    """Read the options, count, and print or write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", type=Path, nargs="*", default=[in_data(name) for name in SETS])
    parser.add_argument("--write", type=Path, help="Markdown file")
    parser.add_argument("--counter", help="count with this one, here, and print its counts")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.counter:
        print(json.dumps(count_all(options.counter, options.sets)))
        return 0
    names = [*OURS, *filter(is_installed, PROGRAMS)]
    table = compared(options.sets, {name: in_own_process(name, options.sets) for name in names})
    machine = f"{platform.machine()} {platform.system()}"
    if options.write:
        options.write.write_text(page(options.sets, table, machine), encoding="utf-8")
    rest = {name: row["mean"] for name, row in table.items() if name != FIRST}
    best = min(rest, key=lambda name: rest[name])
    figures = {
        f"{name}, {what}": {"value": row[what]}
        for name, row in table.items()
        for what in ("mean", "worst", "seconds", "gigabytes")
    }
    found = {
        "figure": table[FIRST]["mean"],
        "reference": rest[best],
        "ratio": rest[best] / table[FIRST]["mean"],
        "unit": "error as a share of all cells, mean of the sets",
        "reference_name": f"the best of the others, {best}",
        "table": figures,
        "machine": machine,
    }
    print_result(found, as_json=options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
