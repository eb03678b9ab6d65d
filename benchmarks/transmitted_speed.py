"""Speed of fields in transmitted light with both stains, against a plain dense condenser."""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np

from adaptoscope.images.degradation import FloatImage
from adaptoscope.simulation.transmitted.generate import draw_transmitted_field
from adaptoscope.simulation.transmitted.optics import image_intensity, transmission
from adaptoscope.simulation.transmitted.settings import Modality, TransmittedSettings
from adaptoscope.simulation.transmitted.specimen import draw_spread_cells

sys.path.insert(0, str(Path(__file__).parent))
from abbe_plain import abbe_plain

ASKED_PER_SECOND = 20.0
ACROSS = {"phase": 41, "brightfield": 15, "defocused": 15}
"""Grids that give the plain program 100 to 200 source points."""


def seconds_per_field(draw: Callable[[int], object], fields: int, repeats: int) -> float:
    """Return the smallest mean processor time per field over some repeats."""
    draw(0)
    best = float("inf")
    for _ in range(repeats):
        begun = time.process_time()
        for index in range(fields):
            draw(index)
        best = min(best, (time.process_time() - begun) / fields)
    return best


def plain_intensity(wave: object, modality: Modality, optics: object, pixel: float) -> FloatImage:
    """Image with the plain program, as the package's function is called."""
    return abbe_plain(wave, modality, optics, pixel, ACROSS[modality]).astype(np.float32)


def deviation(settings: TransmittedSettings, modality: Modality) -> float:
    """Return how far the noiseless image is from the plain one, relative to its contrast."""
    specimen = draw_spread_cells(settings, np.random.default_rng(0))
    optics, pixel = settings.optics, settings.pixel_size_um
    wave = transmission(specimen.opd_um, specimen.absorption, optics.wavelength_um)
    ours = image_intensity(wave, modality, optics, pixel)[specimen.field]
    plain = plain_intensity(wave, modality, optics, pixel)[specimen.field]
    return float(np.sqrt(np.mean((ours - plain) ** 2)) / plain.std())


def measure(modality: Modality, fields: int, repeats: int) -> dict[str, object]:
    """Time both programs on the same fields and compare what they show."""
    settings = TransmittedSettings()

    def draw(index: int) -> object:
        return draw_transmitted_field(settings, 0, index, modalities=(modality,))

    figure = seconds_per_field(draw, fields, repeats)
    place = "adaptoscope.simulation.transmitted.generate.image_intensity"
    with mock.patch(place, plain_intensity):
        reference = seconds_per_field(draw, max(fields // 10, 1), 1)
    return {
        "figure": figure,
        "reference": reference,
        "ratio": reference / figure,
        "unit": f"seconds of processor time per field of 256 x 256, {modality} and both stains",
        "reference_name": "the same with a dense condenser in double precision",
        "fields_per_second": 1 / figure,
        "asked_per_second": ASKED_PER_SECOND,
        "of_asked": 1 / figure / ASKED_PER_SECOND,
        "deviation": deviation(settings, modality),
        "machine": f"{platform.machine()} {platform.system()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, NumPy {np.__version__}",
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--modality", choices=sorted(ACROSS), default="phase")
    parser.add_argument("--fields", type=int, default=20, help="fields drawn")
    parser.add_argument("--repeats", type=int, default=3, help="repeats of the fast program")
    arguments = parser.parse_args()
    result = measure(arguments.modality, arguments.fields, arguments.repeats)
    if arguments.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:>18}: {value:.4g}" if isinstance(value, float) else f"{name:>18}: {value}")


if __name__ == "__main__":
    main()
