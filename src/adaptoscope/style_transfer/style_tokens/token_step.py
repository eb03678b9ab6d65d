"""One step of token learning: the denoising loss, with everything but the tokens frozen."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from adaptoscope.errors import InputError
from adaptoscope.imageio.files import write_image
from adaptoscope.style_transfer.backbones.protocol import Backbone
from adaptoscope.style_transfer.diffusion.sampling import Conditions, noise_and_denoise
from adaptoscope.style_transfer.settings import StylisationSettings
from adaptoscope.style_transfer.style_tokens.examples import StyleExamples
from adaptoscope.style_transfer.style_tokens.settings import TokenSettings
from adaptoscope.style_transfer.style_tokens.token_sources import TokenSource
from adaptoscope.training.checkpoints import Stateful

# Few steps: a preview is looked at, not used. Strength as in the paper.
_SAMPLING = StylisationSettings(steps=10, strength=0.7, inversion="sdedit")


class TokenStep:
    """One training step of style tokens; the backbone stays as it is."""

    def __init__(
        self,
        backbone: Backbone,
        source: TokenSource,
        examples: StyleExamples,
        settings: TokenSettings,
        fabric: Any,
        previews: Path,
    ) -> None:
        self.backbone = backbone
        self.source = source.train()
        self.examples = examples
        self.settings = settings
        self.fabric = fabric
        self.previews = previews
        self.optimiser = torch.optim.AdamW(
            source.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.state: dict[str, Stateful] = {"source": source, "optimiser": self.optimiser}

    def __call__(self, index: int) -> Mapping[str, float | torch.Tensor]:
        """Take step `index` and return its loss."""
        settings, schedule = self.settings, self.backbone.schedule
        crops = self.examples.draw(np.random.default_rng([settings.seed, index]), settings.batch)
        timesteps = self._timesteps(crops.latents.device)
        noise = torch.randn_like(crops.latents)
        noised = schedule.add_noise(crops.latents, noise, timesteps)
        with self.fabric.autocast():
            tokens = self.source(crops.rows)
            predicted = self.backbone.predict_noise(noised, timesteps, tokens, crops.layout)
            loss = functional.mse_loss(predicted.float(), noise)  # paper 1, eq. (3)
        self.optimiser.zero_grad(set_to_none=True)
        if loss.requires_grad:
            loss.backward()
        if index == 0:
            _refuse_dead_gradient(self.source, loss)
        self.optimiser.step()
        done = index + 1
        if settings.preview_every and done % settings.preview_every == 0:
            write_preview(
                self.previews / f"step_{done:06d}.png",
                self.backbone,
                self.source,
                self.examples,
                settings.seed,
            )
        return {"loss": loss.detach()}

    def _timesteps(self, device: torch.device) -> torch.Tensor:
        count, steps = self.settings.batch, self.backbone.schedule.steps
        if self.settings.timesteps == "uniform":
            return torch.randint(0, steps, (count,), device=device)
        places = (torch.arange(count, device=device) + torch.rand(count, device=device)) / count
        return (places * steps).long().clamp(max=steps - 1)


def _refuse_dead_gradient(source: TokenSource, loss: torch.Tensor) -> None:
    """Refuse to train on where nothing can be learnt; queries of an affine encoder may be dead."""
    slopes = [p.grad.abs().sum() for p in source.parameters() if p.grad is not None]
    total = float(torch.stack(slopes).sum()) if slopes else 0.0
    if total > 0 and np.isfinite(total) and bool(torch.isfinite(loss)):
        return
    raise InputError(
        "The style cannot be learnt: the loss does not reach its tokens.",
        expected="a finite loss whose gradient for the tokens is not exactly zero",
        found=f"loss {float(loss.detach()):.4g}, sum of the gradient's magnitudes {total:.4g}",
        remedy="check that the backbone reads its tokens and that its weights are undamaged",
    )


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
