"""Speed of style transfer by step, against a network of Stable Diffusion's size, in the same run.

The table is that of section V-E of paper 1: seconds per image to encode, invert, sample and decode,
memory, and time to learn a token; for both backbones, on every device at hand. The reference is
one image as the paper's published code makes it: 71 evaluations of the U-Net of Stable Diffusion
1.x at 512 x 512 pixels (latents of 64 x 64), batch 1. A few evaluations of that network with random
weights are timed and scaled; encoding and decoding are left out, in its favour. On a processor its
own rows are scaled in the same way. `--structure RUN`, the folder of a study of styles, puts beside
each sampler's time what its images lose in F1 and in kernel distance.
"""

import argparse
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from adaptoscope.errors import AdaptoscopeError
from adaptoscope.pretrained.bundled import locate_backbone
from adaptoscope.style_transfer.backbones.compact.network import CompactBackbone
from adaptoscope.style_transfer.backbones.protocol import Backbone
from adaptoscope.style_transfer.diffusion.sampling import evaluations
from adaptoscope.style_transfer.settings import StylisationSettings
from adaptoscope.style_transfer.style_tokens.settings import TokenSettings

sys.path.insert(0, str(Path(__file__).parent))
from finished_runs import FinishedRun, open_run, print_result, refusal
from stable_diffusion_size import NetworkSizes, stable_diffusion_size
from step_timing import (
    OFFICIAL_EVALUATIONS,
    OFFICIAL_SIDE,
    evaluation_seconds,
    forget_peak,
    peak_gib,
    scaled_stylising,
    stylising,
    token_step_seconds,
)

SIZES = NetworkSizes()
TOKENS = TokenSettings(flips=False)
DEFAULT = "DDIM, 50 steps"
SAMPLERS = {
    DEFAULT: StylisationSettings(),
    "DPM-Solver++, 20 steps": StylisationSettings(sampler="dpm_solver", steps=20),
}
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Network:
    """A backbone to be timed.

    Parameters
    ----------
    name
        As the table shows it.
    opened
        Opens it on a device, held in a precision.
    channels
        Of its latents.
    crop
        Side of the crops that its tokens are learnt on, in pixels.
    """

    name: str
    opened: Callable[[torch.device, torch.dtype], Backbone]
    channels: int
    crop: int


def open_compact(device: torch.device, _: torch.dtype) -> Backbone:
    """Open the bundled backbone, which computes in float32 everywhere."""
    return CompactBackbone.load(locate_backbone("compact")).to(device)


def open_large(device: torch.device, dtype: torch.dtype) -> Backbone:
    """Open networks of Stable Diffusion's size with random weights."""
    return stable_diffusion_size(dtype, SIZES).to(device)


COMPACT = Network("compact", open_compact, 16, 128)
LARGE = Network("Stable Diffusion size", open_large, 4, 256)


def rows_of(
    network: Network, backbone: Backbone, arguments: argparse.Namespace
) -> dict[str, dict[str, Any]]:
    """Time one backbone on one device: a row for each sampler, and one for learning a token."""
    device, side = backbone.device, arguments.side
    scaled = network is LARGE and device.type == "cpu"
    rows: dict[str, dict[str, Any]] = {}
    for sampler, settings in SAMPLERS.items():
        forget_peak(device)
        how = (backbone, network.channels)
        if scaled:
            times = scaled_stylising(*how, settings, side, arguments.evaluations)
        else:
            chosen = settings.changed(batch=arguments.batch)
            times = stylising(*how, chosen, side, arguments.repeats)
        count = evaluations(backbone.schedule, settings)
        rows[sampler] = {"evaluations": count, **times, "peak_gib": peak_gib(device)}
    forget_peak(device)
    repeats = arguments.evaluations if scaled else arguments.repeats
    step = token_step_seconds(backbone, network.channels, TOKENS, network.crop, repeats)
    rows[f"{TOKENS.steps} token steps"] = {
        "total": TOKENS.steps * step,
        "crop": network.crop,
        "batch": TOKENS.batch,
        "peak_gib": peak_gib(device),
    }
    return rows


def measure_device(
    device: torch.device, arguments: argparse.Namespace
) -> tuple[dict[str, dict[str, Any]], float]:
    """Time everything on one device; return the rows by name, and the reference in seconds."""
    dtype = DTYPES[precision_on(device, arguments)]
    rows = {}
    compact = COMPACT.opened(device, dtype)
    for name, row in rows_of(COMPACT, compact, arguments).items():
        rows[f"{device.type}, {COMPACT.name}, {name}"] = row
    del compact
    large = LARGE.opened(device, dtype)
    once = evaluation_seconds(large, LARGE.channels, OFFICIAL_SIDE, arguments.evaluations)
    if arguments.stable_diffusion:
        for name, row in rows_of(LARGE, large, arguments).items():
            rows[f"{device.type}, {LARGE.name}, {name}"] = row
    return rows, OFFICIAL_EVALUATIONS * once


def losses_of(found: FinishedRun) -> dict[str, dict[str, float | None]]:
    """Return what each sampler's images are like, and how much worse than with the first one.

    Parameters
    ----------
    found
        A study of styles on the bundled backbone with a variant for each sampler that differs
        from the first variant in nothing else.
    """
    study: Any = found.settings
    if study.kind != "style_study" or study.style.backbone != "compact":
        raise refusal(found, "a study of styles on the backbone compact", "something else")
    layout, (first, *_) = study.layouts[0].name, study.variants
    base, quality = study.how(first), dict[str, dict[str, float | None]]()
    for sampler, settings in SAMPLERS.items():
        wanted = base.changed(sampler=settings.sampler, steps=settings.steps)
        fitting = (v.name for v in study.variants if study.how(v) == wanted and not v.tokens)
        name = next(fitting, None)
        if name is None:
            raise refusal(found, f"a variant that takes {sampler}, all else equal", "none")
        (row,) = (
            row
            for row in found.results["rows"]
            if (row["layout"], row["variant"]) == (layout, name)
        )
        distances = {measure: row[measure] for measure in ("kid", "cell_kid")}
        quality[sampler] = {"f1": row["structure"]["f1"], **distances}
    start = quality[DEFAULT]
    for row in quality.values():
        row["f1_lost"] = _less(start["f1"], row["f1"])
        row["kid_more"] = _less(row["kid"], start["kid"])
        row["cell_kid_more"] = _less(row["cell_kid"], start["cell_kid"])
    return quality


def _less(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def devices_at_hand() -> list[str]:
    """Return the devices of this machine, the processor first."""
    found = ["cpu"]
    if torch.cuda.is_available():
        found.append("cuda")
    if torch.backends.mps.is_available():
        found.append("mps")
    return found


def precision_on(device: torch.device, arguments: argparse.Namespace) -> str:
    """Return how the large network is held: as asked for, else bfloat16 on a CUDA GPU alone."""
    return arguments.precision or ("bf16" if device.type == "cuda" else "fp32")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Time both backbones on every device; the figure is that of the first device."""
    quality = losses_of(open_run(arguments.structure)) if arguments.structure else {}
    devices = [torch.device(name) for name in arguments.device or devices_at_hand()]
    table: dict[str, dict[str, Any]] = {}
    by_device = {}
    for device in devices:
        rows, reference = measure_device(device, arguments)
        table |= rows
        figure = rows[f"{device.type}, {COMPACT.name}, {DEFAULT}"]["total"]
        by_device[device.type] = {
            "figure": figure,
            "reference": reference,
            "ratio": reference / figure,
            "precision_of_reference": precision_on(device, arguments),
        }
        for sampler, row in quality.items():
            table[f"{device.type}, {COMPACT.name}, {sampler}"] |= row
    return {
        **by_device[devices[0].type],
        "unit": f"seconds per image, {arguments.side} px each side, batch {arguments.batch}",
        "reference_name": "71 evaluations of a U-Net of Stable Diffusion's size at 512 x 512",
        "devices": by_device,
        "table": table,
        "machine": f"{platform.machine()} {platform.system()}, {os.cpu_count()} cores, "
        f"{torch.get_num_threads()} threads, {', '.join(map(_name_of, devices))}, "
        f"Python {platform.python_version()}, PyTorch {torch.__version__}",
    }


def _name_of(device: torch.device) -> str:
    return torch.cuda.get_device_name() if device.type == "cuda" else device.type


def options() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--side", type=int, default=256, help="side of the images, in pixels")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--evaluations", type=int, default=3, help="of the large network, where they are scaled"
    )
    parser.add_argument(
        "--device",
        action="append",
        choices=("cpu", "cuda", "mps"),
        help="may be given again; by default every device at hand",
    )
    parser.add_argument(
        "--precision", choices=tuple(DTYPES), help="of the large network; bf16 on cuda, else fp32"
    )
    parser.add_argument(
        "--stable-diffusion",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="also rows of a network of that size",
    )
    parser.add_argument("--structure", type=Path, help="run folder of a study of styles")
    return parser


def main() -> None:
    """Print the figures."""
    arguments = options().parse_args()
    try:
        result = measure(arguments)
    except AdaptoscopeError as error:
        sys.exit(str(error))
    print_result(result, as_json=arguments.json)


if __name__ == "__main__":
    main()
