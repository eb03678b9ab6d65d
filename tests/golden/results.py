"""What the stages give for small fixed inputs, in numbers that say how much a change moved them.

``python tests/golden/results.py`` writes `results.json` anew.
"""

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import adaptoscope as ad

PINNED = Path(__file__).parent / "results.json"
COUNTERS = ("nuclei", "dog", "otsu_watershed")
SIZE = 192
FIELDS = {"height": SIZE, "width": SIZE, "cell_diameter_px": 14, "cells_per_mpx": 800}
PAIRS = {"height": 256, "width": 256}
REAL = {"idcia-dapi": "train", "dsb2018": "val", "deepcell-nuclei": "val"}
"""Real sets whose four first labelled images are counted, where the data are at hand."""

Values = dict[str, float]


def of_pixels(pixels: NDArray[np.generic]) -> Values:
    """Summarise an image: mean, deviation, and means of the 16 parts of it."""
    values = np.asarray(pixels, dtype=np.float64)
    found = {"mean": float(values.mean()), "deviation": float(values.std())}
    for row, band in enumerate(np.array_split(values, 4, axis=-2)):
        for column, part in enumerate(np.array_split(band, 4, axis=-1)):
            found[f"part {row} {column}"] = float(part.mean())
    return found


def of_counts(counter: str, images: Mapping[str, NDArray[np.generic]]) -> Values:
    """Count images; give the number, the sums of the places, and the ends of the interval."""
    loaded = ad.load_counter(counter)
    found = {}
    for name, pixels in images.items():
        counted = loaded.count(pixels)
        found[f"{name} count"] = counted.count
        found[f"{name} rows"] = float(counted.points[:, 0].sum())
        found[f"{name} columns"] = float(counted.points[:, 1].sum())
        found[f"{name} flagged"] = float(bool(counted.flag))
        for end, value in zip(("lower", "upper"), counted.interval or (), strict=False):
            found[f"{name} {end}"] = value
    return found


def simulated_fields() -> dict[str, NDArray[np.generic]]:
    """Simulate twelve fields: three densities, sharp to blurred."""
    fields = {}
    with tempfile.TemporaryDirectory() as folder:
        for density in (300, 600, 900):
            settings = FIELDS | {"cells_per_mpx": density, "defocus_px": density / 600}
            images = ad.simulate(Path(folder) / str(density), count=4, settings=settings)
            for number, record in enumerate(images.records):
                fields[f"{density} {number}"] = images.read(record).stored
    return fields


def real_fields() -> dict[str, NDArray[np.generic]]:
    """Read four images of each real set."""
    root = Path(os.environ["ADAPTOSCOPE_DATA"])
    fields = {}
    for name, split in REAL.items():
        images = ad.open_counted_images(root / name).split(split)
        for record in images.records[:4]:
            fields[f"{name} {record.file_name}"] = images.read(record).stored
    return fields


def stylised(folder: Path) -> Values:
    """Stylise one drawing in the look of two simulated fields."""
    ad.simulate(folder / "real", count=2, settings=FIELDS)
    ad.synthesise(folder / "drawing", count=1, settings={"height": SIZE, "width": SIZE})
    ad.learn_style(folder / "look.safetensors", folder / "real")
    made = ad.stylise(folder / "drawing", folder / "made", folder / "look.safetensors", steps=4)
    return of_pixels(made.read(made.records[0]).pixels)


def adapted_stain(folder: Path) -> Values:
    """Train a small network on pairs, match its layer 2 on defocused images, predict one."""
    ad.simulate_pairs(folder / "pairs", count=3, settings=PAIRS, train=0.7, val=0.3)
    other = ad.simulate_pairs(
        folder / "other", count=2, settings=PAIRS, modality="defocused", seed=5
    )
    quick = {"width": 8, "steps": 8, "batch": 1}
    ad.train_stain(folder / "network", folder / "pairs", stain=["dapi"], settings=quick)
    adapted = ad.adapt_stain(
        folder / "network",
        folder / "pairs",
        folder / "other",
        folder / "adapted",
        method="adversarial",
        layer="2",
        settings={"steps": 6},
    )
    given = other.read_given(other.records[0]).stored
    return of_pixels(ad.predict_stain(adapted, given)["dapi"])


def simulated_pair(folder: Path) -> Values:
    """Simulate one pair of phase contrast and stain."""
    pairs = ad.simulate_pairs(folder / "pair", count=1, settings=PAIRS)
    return of_pixels(pairs.read_given(pairs.records[0]).stored)


def evaluated(folder: Path) -> Values:
    """Evaluate the bundled counter on six simulated fields, with its report."""
    ad.simulate(folder / "set", count=6, settings=FIELDS)
    report = folder / "report.html"
    found = ad.evaluate_counter("nuclei", folder / "set", report=report)
    page = report.read_text(encoding="utf-8")
    values = {
        name: float(value) for name, value in found.as_dict().items() if isinstance(value, float)
    }
    return values | {f"report <{tag}>": page.count(f"<{tag}") for tag in ("table", "tr", "img")}


def in_a_folder(make: Callable[[Path], Values]) -> Values:
    """Call with an empty folder that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        return make(Path(folder))


RESULTS: dict[str, Callable[[], Values]] = {
    **{
        f"{counter} on simulated fields": lambda counter=counter: of_counts(  # type: ignore[misc]
            counter, simulated_fields()
        )
        for counter in COUNTERS
    },
    **{
        f"{counter} on real fields": lambda counter=counter: of_counts(  # type: ignore[misc]
            counter, real_fields()
        )
        for counter in COUNTERS
    },
    "simulated field": lambda: of_pixels(simulated_fields()["900 3"]),
    "simulated pair": lambda: in_a_folder(simulated_pair),
    "stylised drawing": lambda: in_a_folder(stylised),
    "adapted stain": lambda: in_a_folder(adapted_stain),
    "evaluation and report": lambda: in_a_folder(evaluated),
}
"""What is pinned, and how it is made."""


if __name__ == "__main__":
    made = {name: make() for name, make in RESULTS.items()}
    PINNED.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
