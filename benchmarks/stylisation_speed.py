"""Speed of style transfer by step, against a network of Stable Diffusion's size, in the same run.

The table is that of section V-E of paper 1: seconds per image to encode, invert, sample and decode,
memory, and time to learn a token. The reference is one image as the paper's published code makes
it: 71 evaluations of the U-Net of Stable Diffusion 1.x at 512 x 512 pixels (latents of 64 x 64),
batch 1. A few evaluations of that network with random weights are timed and scaled; encoding and
decoding are left out, in its favour. `--stable-diffusion` adds that network, in our sampler, to the
table; with `--device cuda --precision bf16` it is what a GPU does.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel

from adaptoscope.pretrained.bundled import locate_backbone
from adaptoscope.style_transfer.backbone import Backbone
from adaptoscope.style_transfer.compact.network import CompactBackbone
from adaptoscope.style_transfer.diffusion.noise_schedule import NoiseSchedule
from adaptoscope.style_transfer.diffusion.sampling import evaluations
from adaptoscope.style_transfer.layout import layout_condition
from adaptoscope.style_transfer.settings import StylisationSettings
from adaptoscope.style_transfer.style_file import Style, StyleFacts, StyleImage
from adaptoscope.style_transfer.stylise import Drawing, stylise_batch
from adaptoscope.style_transfer.tokens.examples import StyleExample, StyleExamples
from adaptoscope.style_transfer.tokens.settings import TokenSettings
from adaptoscope.style_transfer.tokens.sources import DirectTokens
from adaptoscope.style_transfer.tokens.step import TokenStep
from adaptoscope.synthesis import SynthesisSettings, draw_synthetic
from adaptoscope.training.step_loop import start_fabric

OFFICIAL_EVALUATIONS = 71
TOKEN_STEPS = 1000
SAMPLERS = {
    "DDIM, 50 steps": StylisationSettings(),
    "DPM-Solver++, 20 steps": StylisationSettings(sampler="dpm_solver", steps=20),
}


class StableDiffusionSize(torch.nn.Module):
    """U-Net and autoencoder of Stable Diffusion 1.x with random weights; a token is a prompt."""

    name, multiple, largest_tile, training_side = "stable-diffusion-size", 64, 768, 256
    token_shape = (77, 768)

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.schedule = NoiseSchedule()
        self.unet = UNet2DConditionModel(cross_attention_dim=768, attention_head_dim=8)
        widths = (128, 256, 512, 512)
        self.autoencoder = AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=widths,
            layers_per_block=2,
        )
        self.to(dtype).eval().requires_grad_(False)

    @property
    def device(self) -> torch.device:
        """Where the networks stand."""
        return next(self.parameters()).device

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return latents, shape (B, 4, H / 8, W / 8)."""
        colours = pixels.to(self.autoencoder.dtype).expand(-1, 3, -1, -1)
        return self.autoencoder.encode(colours).latent_dist.mean.float()

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Return images, shape (B, 1, H, W)."""
        colours = self.autoencoder.decode(latents.to(self.autoencoder.dtype)).sample
        return colours.float().mean(1, keepdim=True)

    def embed_style(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return prompts of zeros."""
        return torch.zeros(len(pixels), *self.token_shape, device=pixels.device)

    def predict_noise(
        self,
        latents: torch.Tensor,
        timestep: int | torch.Tensor,
        tokens: torch.Tensor,
        layout: torch.Tensor | None,
    ) -> torch.Tensor:
        """Return the noise in noised latents; the layout is ignored."""
        dtype = self.unet.dtype
        return self.unet(latents.to(dtype), timestep, tokens.to(dtype)).sample.float()


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
            begun = _now(self._backbone.device)
            result = found(*arguments)
            self.seconds[name].append(_now(self._backbone.device) - begun)
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
        begun = _now(backbone.device)
        stylise_batch(drawn, style, watch, settings)
        total = _now(backbone.device) - begun
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


def token_step_seconds(backbone: Backbone, channels: int, side: int, repeats: int) -> float:
    """Return the median time of one step of token learning, batch 4, on crops of `side` pixels."""
    device, latent = backbone.device, side // 8
    example = StyleExample(
        pixels=torch.zeros(1, 1, side, side),
        mean=torch.randn(1, channels, latent, latent, device=device),
        spread=torch.zeros(1, channels, latent, latent, device=device),
        layout=layout_condition(torch.zeros(1, 2, side, side), torch.tensor([True])).to(device),
    )
    with tempfile.TemporaryDirectory() as folder:
        source = DirectTokens(torch.zeros(1, *backbone.token_shape, device=device) + 0.01)
        step = TokenStep(
            backbone,
            source,
            StyleExamples([example], latent),
            TokenSettings(flips=False),
            start_fabric("cuda" if device.type == "cuda" else "cpu"),
            Path(folder),
        )
        times = []
        for index in range(repeats + 1):
            begun = _now(device)
            step(index)
            times.append(_now(device) - begun)
    return statistics.median(times[1:])


@torch.no_grad()
def reference_seconds(device: torch.device, dtype: torch.dtype, repeats: int) -> float:
    """Time the U-Net of Stable Diffusion 1.x at 512 pixels, batch 1, and scale to one image."""
    network = StableDiffusionSize(dtype).to(device)
    latents = torch.randn(1, 4, 64, 64, device=device)
    context = torch.randn(1, 77, 768, device=device)
    times = []
    for _ in range(repeats + 1):
        begun = _now(device)
        network.predict_noise(latents, 500, context, None)
        times.append(_now(device) - begun)
    return OFFICIAL_EVALUATIONS * statistics.median(times[1:])


def peak_gib(device: torch.device) -> float | None:
    """Return the largest memory held so far, in GiB.

    On a CPU that is the whole process's, the libraries with it, and it never falls: of two networks
    the rows of the second hold the first one's too.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**30
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**30 if sys.platform == "darwin" else peak / 2**20


def measure(arguments: argparse.Namespace) -> dict[str, object]:
    """Time the shipped backbone, then, if asked for, one of Stable Diffusion's size."""
    device = torch.device(arguments.device)
    dtype = torch.bfloat16 if arguments.precision == "bf16" else torch.float32
    compact = CompactBackbone.load(locate_backbone("compact")).to(device)
    networks: list[tuple[str, Callable[[], Backbone], int, int]] = [
        ("compact", lambda: compact, compact.settings.latent_channels, 128)
    ]
    if arguments.stable_diffusion:
        networks.append(
            ("Stable Diffusion size", lambda: StableDiffusionSize(dtype).to(device), 4, 256)
        )
    table = {}
    for name, opened, channels, crop in networks:
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        backbone = opened()
        for sampler, settings in SAMPLERS.items():
            chosen = settings.changed(batch=arguments.batch)
            times = stylising(backbone, channels, chosen, arguments.side, arguments.repeats)
            count = evaluations(backbone.schedule, chosen)
            row = {"evaluations": count, **times, "peak_gib": peak_gib(device)}
            table[f"{name}, {sampler}"] = row
        step = token_step_seconds(backbone, channels, crop, arguments.repeats)
        row = {"total": TOKEN_STEPS * step, "peak_gib": peak_gib(device)}
        table[f"{name}, {TOKEN_STEPS} token steps"] = row
    figure = table["compact, DDIM, 50 steps"]["total"]
    reference = reference_seconds(device, dtype, arguments.evaluations)
    return {
        "figure": figure,
        "reference": reference,
        "ratio": reference / figure,
        "unit": f"seconds per image, {arguments.side} px each side, batch {arguments.batch}",
        "reference_name": "71 evaluations of a U-Net of Stable Diffusion's size at 512 x 512",
        "table": table,
        "machine": f"{platform.machine()} {platform.system()}, {os.cpu_count()} cores, "
        f"{torch.get_num_threads()} threads, {_name_of(device)}{arguments.precision}, "
        f"Python {platform.python_version()}, PyTorch {torch.__version__}",
    }


def _name_of(device: torch.device) -> str:
    return f"{torch.cuda.get_device_name()}, " if device.type == "cuda" else ""


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--side", type=int, default=256, help="side of the images, in pixels")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--evaluations", type=int, default=3, help="of the reference network")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument(
        "--stable-diffusion", action="store_true", help="also a network of that size"
    )
    arguments = parser.parse_args()
    result = measure(arguments)
    if arguments.json:
        print(json.dumps(result))
        return
    table = result.pop("table")
    for name, row in table.items():
        cells = (f"{key} {value:.3g}" for key, value in row.items() if value is not None)
        print(f"{name:>42}: {', '.join(cells)}")
    for name, value in result.items():
        print(f"{name:>16}: {value:.4g}" if isinstance(value, float) else f"{name:>16}: {value}")


if __name__ == "__main__":
    main()
