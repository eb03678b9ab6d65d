"""Speed and memory of counting: one image, many images in one process, and a very large one.

Seconds per image of 600 x 800 pixels after loading, against `otsu_watershed` of scikit-image on the
same simulated image; whether the last hundred of many images take longer than one alone; and the
time and peak memory of `adaptoscope count predict` on a large tiled TIFF, and on the same pixels as
OME-Zarr where the library is installed, against a limit of 2 GB. The large image repeats a
simulated field. `--size 20000` is the size that the limit is promised for.
"""

import argparse
import csv
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import tifffile
from numpy.typing import NDArray

from adaptoscope.counting.baselines import OtsuWatershedCounter
from adaptoscope.counting.model_folder import load_counter
from adaptoscope.simulation.generate import draw_field
from adaptoscope.simulation.settings import SimulationSettings

sys.path.insert(0, str(Path(__file__).parent))
from finished_runs import print_result

LIMIT_GB = 2.0
LAST = 100
TILE = 512


def field(height: int, width: int) -> tuple[NDArray[np.uint8], int]:
    """Return a simulated field with cells of 12 pixels, and the number of its cells."""
    settings = SimulationSettings(
        height=height, width=width, cell_diameter_px=12.0, cells_per_mpx=300.0, density_spread=0.0
    )
    drawn = draw_field(settings, np.random.default_rng(0))
    return np.rint(drawn.pixels * 255).astype(np.uint8), len(drawn.points)


def seconds_of(task: Callable[[], object], repeats: int) -> list[float]:
    """Return the seconds of each of some repeats, after one that is not timed."""
    task()
    taken = []
    for _ in range(repeats):
        begun = time.perf_counter()
        task()
        taken.append(time.perf_counter() - begun)
    return taken


def write_large_tiff(path: Path, pixels: NDArray[np.uint8], side: int) -> None:
    """Write a field again and again as the tiles of one deflated TIFF."""

    def tiles() -> Iterator[NDArray[np.uint8]]:
        for top in range(0, side, TILE):
            for left in range(0, side, TILE):
                row, column = top % pixels.shape[0], left % pixels.shape[1]
                yield pixels[row : row + TILE, column : column + TILE]

    tifffile.imwrite(
        path,
        tiles(),
        shape=(side, side),
        dtype=np.uint8,
        tile=(TILE, TILE),
        compression="deflate",
        photometric="minisblack",
    )


def write_large_zarr(path: Path, pixels: NDArray[np.uint8], side: int) -> None:
    """Write the same image as OME-Zarr 0.5."""
    zarr = import_module("zarr")
    group = zarr.open_group(path, mode="w", zarr_format=3)
    array = group.create_array("0", shape=(side, side), dtype="uint8", chunks=(TILE, TILE))
    repeated = np.tile(pixels, (1, -(-side // pixels.shape[1])))[:, :side]
    for top in range(0, side, len(pixels)):
        array[top : top + len(pixels)] = repeated[: side - top]
    axes = [{"name": name, "type": "space"} for name in "yx"]
    scale = {"type": "scale", "scale": [1.0, 1.0]}
    levels = [{"path": "0", "coordinateTransformations": [scale]}]
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": levels}]}


def count_in_a_child(image: Path, model: str, threads: int) -> dict[str, Any]:
    """Run the command on one image and return its seconds, cells and peak memory."""
    table = image.with_name(f"{image.name}.csv")
    command = [sys.executable, "-m", "adaptoscope", "count", "predict", str(image)]
    command += ["--out", str(table), "--model", model, "--device", "cpu", "--json"]
    begun = time.perf_counter()
    child = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        env=os.environ | {"OMP_NUM_THREADS": str(threads)},
    )
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - begun
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} failed with {child.returncode}")
    with table.open(encoding="utf-8", newline="") as file:
        cells = float(next(csv.DictReader(file))["count"])
    per_unit = 1 if sys.platform == "darwin" else 1024
    peak = usage.ru_maxrss * per_unit / 1e9
    return {
        "seconds": seconds,
        "processor_seconds": usage.ru_utime + usage.ru_stime,
        "cells": cells,
        "cells_per_second": cells / seconds,
        "peak_gb": peak,
        "peak_of_limit": peak / LIMIT_GB,
    }


def measure_large(side: int, model: str, threads: int) -> dict[str, dict[str, Any]]:
    """Return a row for each kind of file."""
    pixels, _ = field(2 * TILE, 2 * TILE)
    writers = {"tiled TIFF": ("large.tif", write_large_tiff)}
    if find_spec("zarr") is not None:
        writers["OME-Zarr"] = ("large.zarr", write_large_zarr)
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind, (name, write) in writers.items():
            path = Path(folder) / name
            write(path, pixels, side)
            row = count_in_a_child(path, model, threads)
            rows[f"{kind} {side} x {side}"] = row
    return rows


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure everything."""
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    stored, cells = field(600, 800)
    pixels = stored.astype(np.float32) / 255
    counter, reference = load_counter(arguments.model).counter, OtsuWatershedCounter()
    alone = seconds_of(lambda: counter.count(pixels), arguments.repeats)
    simple = seconds_of(lambda: reference.count(pixels), arguments.repeats)
    begun = time.process_time()
    many = seconds_of(lambda: counter.count(pixels), arguments.images)
    processor = (time.process_time() - begun) / (arguments.images + 1)
    figure, fastest = statistics.median(alone), statistics.median(simple)
    last = statistics.median(many[-LAST:])
    table = measure_large(arguments.size, arguments.model, arguments.threads)
    return {
        "figure": figure,
        "reference": fastest,
        "ratio": fastest / figure,
        "unit": f"seconds per image of 600 x 800 after loading, {arguments.threads} threads",
        "reference_name": "otsu_watershed (scikit-image) on the same image",
        "least": min(alone),
        "processor_seconds": processor,
        "images_in_one_process": arguments.images,
        "seconds_of_the_last": last,
        "last_to_alone": last / figure,
        "cells": {
            "drawn": cells,
            "found": counter.count(pixels).count,
            "otsu_watershed": reference.count(pixels).count,
        },
        "limit_gb": LIMIT_GB,
        "table": table,
        "machine": f"{platform.machine()} {platform.system()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, ONNX Runtime {onnxruntime.__version__}, "
        f"load {_load()}",
    }


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--model", default="nuclei", help="counter that is timed")
    parser.add_argument("--threads", type=int, default=2, help="threads of the network")
    parser.add_argument("--repeats", type=int, default=20, help="images timed alone")
    parser.add_argument("--images", type=int, default=200, help="images in one process")
    parser.add_argument("--size", type=int, default=8192, help="edge of the large image in pixels")
    arguments = parser.parse_args()
    print_result(measure(arguments), as_json=arguments.json)


if __name__ == "__main__":
    main()
