"""A look at tokens while they are learnt: a style image, and what the model makes of its noise."""

from pathlib import Path

import numpy as np
import torch

from adaptoscope.imageio.files import write_image
from adaptoscope.style_transfer.backbones.protocol import Backbone
from adaptoscope.style_transfer.diffusion.sampling import Conditions, noise_and_denoise
from adaptoscope.style_transfer.settings import StylisationSettings
from adaptoscope.style_transfer.style_tokens.examples import StyleExamples
from adaptoscope.style_transfer.style_tokens.token_sources import TokenSource

_SAMPLING = StylisationSettings(steps=10, strength=0.7, inversion="sdedit")


@torch.no_grad()
def write_preview(
    path: Path, backbone: Backbone, source: TokenSource, examples: StyleExamples, seed: int
) -> None:
    """Noise the middle of the first style image, denoise it with the tokens, and show both.

    The PNG has on its left the image as the autoencoder returns it, on its right the model's.
    """
    first, side = examples.examples[0], examples.side
    top, left = ((size - side) // 2 for size in first.mean.shape[2:])
    place = (slice(0, 1), slice(None), slice(top, top + side), slice(left, left + side))
    latents = first.mean[place]
    layout = None if first.layout is None else first.layout[place]
    drawn = np.random.default_rng(seed).standard_normal(tuple(latents.shape), dtype=np.float32)
    training = source.training
    tokens = source.eval()(torch.zeros(1, dtype=torch.long, device=latents.device))
    source.train(training)
    noise = torch.from_numpy(drawn).to(latents.device)
    made = noise_and_denoise(latents, noise, Conditions(tokens, layout), backbone, _SAMPLING)
    shown = torch.cat([backbone.decode(each)[0, 0] for each in (latents, made)], dim=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, (shown.float().cpu().numpy() + 1) / 2)
