"""Times of the steps of style transfer, and the memory they take, on any backbone and device."""

import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from adaptoscope.style_transfer.backbones.protocol import Backbone
from adaptoscope.style_transfer.diffusion.sampling import evaluations
from adaptoscope.style_transfer.layout_condition import layout_condition
from adaptoscope.style_transfer.settings import StylisationSettings
from adaptoscope.style_transfer.style_file import Style, StyleFacts, StyleImage
from adaptoscope.style_transfer.style_tokens.examples import StyleExample, StyleExamples
from adaptoscope.style_transfer.style_tokens.settings import TokenSettings
from adaptoscope.style_transfer.style_tokens.token_sources import DirectTokens
from adaptoscope.style_transfer.style_tokens.token_step import TokenStep
from adaptoscope.style_transfer.stylise import Drawing, stylise_batch
from adaptoscope.synthesis.generate import draw_synthetic
from adaptoscope.synthesis.settings import SynthesisSettings
from adaptoscope.training.step_loop import start_fabric

OFFICIAL_EVALUATIONS = 71
OFFICIAL_SIDE = 512


class Stopwatch:
    """A backbone that keeps how long each of its calls took."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone
        self.seconds: dict[str, list[float]] = defaultdict(list)

    def __getattr__(self, name: str) -> object:
        """Return what the backbone has; calls that are timed are wrapped."""
        found = getattr(self._backbone, name)
        if name not in ("encode", "decode", "predict_noise"):
            return found

        def timed(*arguments: object) -> object:
            begun = now(self._backbone.device)
            result = found(*arguments)
            self.seconds[name].append(now(self._backbone.device) - begun)
            return result

        return timed


def drawings(count: int, side: int) -> list[Drawing]:
    """Draw cells as the paper does."""
    settings = SynthesisSettings(height=side, width=side)
    drawn = [draw_synthetic(settings, np.random.default_rng([0, index])) for index in range(count)]
    return [
        Drawing(f"{index}.png", one.pixels, one.mask, 1000.0) for index, one in enumerate(drawn)
    ]


def neutral_style(backbone: Backbone, channels: int) -> Style:
    """Return a style with the right shapes; its values do not change the time."""
    image = StyleImage("none", "0" * 64, "train", 0.0, 1.0, 1000.0, 15.0, 0.01, 0.1)
    zeros, ones = torch.zeros(1, channels), torch.ones(1, channels)
    return Style(
        StyleFacts(backbone.name, "0" * 64, "zero_shot", "", 8, None, "", 0, 0, (image,)),
        tokens=torch.zeros(1, *backbone.token_shape),
        latent_mean=zeros,
        latent_sd=ones,
        cell_mean=zeros,
        cell_sd=ones,
        ground_mean=zeros,
        ground_sd=ones,
        residual_levels=torch.linspace(-1, 1, 8)[None],
        residual_strengths=torch.full((1, 8), 0.02),
        residual_spectrum=torch.ones(1, 64, 64),
        glow_shares=torch.full((1, 5), 0.2),
        glow_diameter=torch.full((1,), 15.0),
        glow_inside=torch.full((1,), 0.1),
    )


def stylising(
    backbone: Backbone, channels: int, settings: StylisationSettings, side: int, repeats: int
) -> dict[str, float]:
    """Return seconds per image of each step: medians over some repeats, after one to warm up."""
    style, drawn = neutral_style(backbone, channels), drawings(settings.batch, side)
    rows = []
    for _ in range(repeats + 1):
        watch = Stopwatch(backbone)
        begun = now(backbone.device)
        stylise_batch(drawn, style, watch, settings)
        total = now(backbone.device) - begun
        invert, *sample = watch.seconds["predict_noise"]
        parts = {
            "encode": sum(watch.seconds["encode"]),
            "invert": invert,
            "sample": sum(sample),
            "decode": sum(watch.seconds["decode"]),
        }
        rows.append({**parts, "rest": total - sum(parts.values()), "total": total})
    return {
        name: statistics.median(row[name] for row in rows[1:]) / settings.batch for name in rows[0]
    }


@torch.no_grad()
def scaled_stylising(
    backbone: Backbone, channels: int, settings: StylisationSettings, side: int, repeats: int
) -> dict[str, float]:
    """Return seconds per image of each step, from a few evaluations scaled to all of them.

    One image is encoded, evaluated and decoded at a time. What is done besides, in far less time,
    is left out.
    """
    pixels = torch.zeros(1, 1, side, side, device=backbone.device)
    latents = backbone.encode(pixels)
    encode = seconds_of(lambda: backbone.encode(pixels), backbone.device, repeats)
    decode = seconds_of(lambda: backbone.decode(latents), backbone.device, repeats)
    once = evaluation_seconds(backbone, channels, side, repeats)
    sample = (evaluations(backbone.schedule, settings) - 1) * once
    parts = {"encode": encode, "invert": once, "sample": sample, "decode": decode}
    return {**parts, "total": sum(parts.values()), "timed_evaluations": float(repeats)}


@torch.no_grad()
def evaluation_seconds(backbone: Backbone, channels: int, side: int, repeats: int) -> float:
    """Return the time of one evaluation for one image of `side` pixels, after one to warm up."""
    device = backbone.device
    latents = torch.randn(1, channels, side // 8, side // 8, device=device)
    tokens = torch.zeros(1, *backbone.token_shape, device=device)
    return seconds_of(lambda: backbone.predict_noise(latents, 500, tokens, None), device, repeats)


def token_step_seconds(
    backbone: Backbone, channels: int, settings: TokenSettings, side: int, repeats: int
) -> float:
    """Return the median time of one step of token learning, on crops of `side` pixels.

    On Stable Diffusion the token's way forward and its gradient's way back lead through the text
    tower as well.
    """
    device, latent = backbone.device, side // 8
    example = StyleExample(
        pixels=torch.zeros(1, 1, side, side),
        mean=torch.randn(1, channels, latent, latent, device=device),
        spread=torch.zeros(1, channels, latent, latent, device=device),
        layout=layout_condition(torch.zeros(1, 2, side, side), torch.tensor([True])).to(device),
    )
    with tempfile.TemporaryDirectory() as folder:
        source = DirectTokens(torch.zeros(1, *backbone.token_shape, device=device) + 0.01)
        examples = StyleExamples([example], latent)
        fabric = start_fabric(device.type)  # type: ignore[arg-type]
        step = TokenStep(backbone, source, examples, settings, fabric, Path(folder))
        indices = iter(range(repeats + 1))
        return seconds_of(lambda: step(next(indices)), device, repeats)


def seconds_of(work: Callable[[], object], device: torch.device, repeats: int) -> float:
    """Return the median time of a call over some repeats, after one to warm up."""
    times = []
    for _ in range(repeats + 1):
        begun = now(device)
        work()
        times.append(now(device) - begun)
    return statistics.median(times[1:])


def now(device: torch.device) -> float:
    """Return a time in seconds, when everything that was asked of the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    elif device.type == "mps":
        torch.mps.synchronize()
    return time.perf_counter()


def forget_peak(device: torch.device) -> None:
    """Begin to measure the memory of a GPU anew."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def peak_gib(device: torch.device) -> float | None:
    """Return the largest memory held since `forget_peak`, in GiB.

    On a CPU that is the whole process's since it began, the libraries with it, and it never falls:
    of two networks the rows of the second hold the first one's too.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**30
    if device.type == "mps":
        return torch.mps.driver_allocated_memory() / 2**30
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**30 if sys.platform == "darwin" else peak / 2**20
