"""Speed of Syn-HC against Algorithm 1 read literally, in the same run, on one thread."""

import argparse
import json
import os
import platform
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np

from adaptoscope.synthesis.generate import draw_synthetic
from adaptoscope.synthesis.settings import SynthesisSettings

sys.path.insert(0, str(Path(__file__).parent))
from algorithm_1_plain import algorithm_1_plain


def seconds_per_image(draw: Callable[[int], object], images: int, repeats: int) -> float:
    """Return the smallest mean processor time per image over some repeats."""
    draw(0)
    best = float("inf")
    for _ in range(repeats):
        begun = time.process_time()
        for index in range(images):
            draw(index)
        best = min(best, (time.process_time() - begun) / images)
    return best


def measure(images: int, repeats: int) -> dict[str, object]:
    """Time both programs on the same images and compare what they draw."""
    settings = SynthesisSettings()

    def fast(index: int) -> object:
        return draw_synthetic(settings, np.random.default_rng([0, index]))

    def plain(index: int) -> object:
        return algorithm_1_plain(settings, np.random.default_rng([0, index]))

    pairs = [
        (
            draw_synthetic(settings, np.random.default_rng([0, index])),
            algorithm_1_plain(settings, np.random.default_rng([0, index])),
        )
        for index in range(images)
    ]
    figure = seconds_per_image(fast, images, repeats)
    reference = seconds_per_image(plain, images, 1)
    many = seconds_per_image(fast, 20 * images, 1)
    tracemalloc.start()
    fast(0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {
        "figure": figure,
        "reference": reference,
        "ratio": reference / figure,
        "unit": "seconds of processor time per image of 256 x 256",
        "reference_name": "Algorithm 1 with a full-frame mask per attempt",
        "images_per_second": 1 / many,
        "mean_count": statistics.mean(drawn.count for drawn, _ in pairs),
        "identical": all(np.array_equal(ours.stored, theirs["image"]) for ours, theirs in pairs),
        "memory_mib": peak / 2**20,
        "machine": f"{platform.machine()} {platform.system()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, NumPy {np.__version__}",
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--images", type=int, default=10, help="images drawn by both programs")
    parser.add_argument("--repeats", type=int, default=3, help="repeats of the fast program")
    arguments = parser.parse_args()
    result = measure(arguments.images, arguments.repeats)
    if arguments.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:>18}: {value:.4g}" if isinstance(value, float) else f"{name:>18}: {value}")


if __name__ == "__main__":
    main()
