"""Cost of a step of layer matching at each layer, against ADDA (layer 16) in the same run.

With --paper also one training step as the paper has it: width 64, 1024 pixels, batch 1, pix2pix.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from adaptoscope.adaptation.adversarial_step import LayerMatchingStep
from adaptoscope.adaptation.features import SourceFeatures
from adaptoscope.adaptation.settings import AdaptationSettings
from adaptoscope.translation.fields import Field
from adaptoscope.translation.intensities import IntensityInterval, StainIntensities
from adaptoscope.translation.layers import LAYERS
from adaptoscope.translation.settings import TranslationSettings
from adaptoscope.translation.train_pairs import PairedStep
from adaptoscope.translation.unet import StainUNet

UNIT = IntensityInterval(low=0.0, high=1.0)


@dataclass(frozen=True)
class Engine:
    """Where steps are taken."""

    device: torch.device


def invented_fields(number: int, side: int, stains: int | None = None) -> list[Field]:
    """Return fields of noise: what a step costs does not depend on what it sees."""
    rng = np.random.default_rng(0)
    fields = []
    for index in range(number):
        given = rng.integers(0, 65535, (side, side)).astype(np.uint16)
        truth = None if stains is None else np.stack([given] * stains)
        fields.append(Field(f"{index}.png", given, truth, 16, ()))
    return fields


def seconds_per_step(step: Any, repeats: int, device: torch.device) -> float:
    """Return the median time of a step, after one that is not counted."""
    step(0)
    taken = []
    for index in range(repeats):
        begun = time.perf_counter()
        step(index + 1)
        if device.type == "cuda":
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def matching_step(layer: int, width: int, batch: int, device: torch.device) -> LayerMatchingStep:
    """Return the step of one layer."""
    how = AdaptationSettings(layers=(layer,), batch=batch, cached=batch)
    network = StainUNet(2, width).eval().to(device)
    fields = invented_fields(2, how.crop)
    known = SourceFeatures(network, fields, UNIT, how)
    return LayerMatchingStep(how, network, known, fields, UNIT, Engine(device))


def paper_step(device: torch.device) -> PairedStep:
    """Return a training step on pairs as paper 2 has it."""
    how = TranslationSettings(width=64, crop=1024, batch=1, loss="pix2pix", learning_rate=2e-4)
    intensities = StainIntensities(bit_depth=16, given=UNIT, stains={"dapi": UNIT, "cd29": UNIT})
    return PairedStep(how, invented_fields(1, how.crop, 2), intensities, Engine(device))


def measure(arguments: argparse.Namespace) -> dict[str, object]:
    """Time a step of every layer, and of ADDA."""
    device = torch.device(arguments.device)
    steps = {
        layer: seconds_per_step(
            matching_step(layer, arguments.width, arguments.batch, device),
            arguments.repeats,
            device,
        )
        for layer in dict.fromkeys((*arguments.layers, LAYERS))
    }
    figure = statistics.mean(steps[layer] for layer in arguments.layers)
    found: dict[str, object] = {
        "figure": figure,
        "reference": steps[LAYERS],
        "ratio": steps[LAYERS] / figure,
        "unit": f"seconds per step, {arguments.batch} crops of 256 x 256, width {arguments.width}",
        "reference_name": "ADDA: layer 16",
        "by_layer": {str(layer): round(seconds, 4) for layer, seconds in steps.items()},
    }
    if arguments.paper:
        found["paper_step_seconds"] = seconds_per_step(paper_step(device), 1, device)
    found["peak_memory_gib"] = _peak_memory(device)
    found["machine"] = (
        f"{platform.machine()} {platform.system()}, {os.cpu_count()} cores, "
        f"{torch.get_num_threads()} threads, PyTorch {torch.__version__}, {device.type}"
    )
    return found


def _peak_memory(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--layers", type=int, nargs="+", default=list(range(1, LAYERS)))
    parser.add_argument("--width", type=int, default=16, help="channels of the first layer")
    parser.add_argument("--batch", type=int, default=4, help="crops of each domain")
    parser.add_argument("--repeats", type=int, default=5, help="steps that are timed")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--paper", action="store_true", help="also time the paper's training step")
    result = measure(arguments := parser.parse_args())
    if arguments.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:>20}: {value:.4g}" if isinstance(value, float) else f"{name:>20}: {value}")


if __name__ == "__main__":
    main()
