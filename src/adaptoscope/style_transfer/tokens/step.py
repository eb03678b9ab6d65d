"""One step of token learning: the denoising loss, with everything but the tokens frozen."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from adaptoscope.errors import InputError
from adaptoscope.style_transfer.backbone import Backbone
from adaptoscope.style_transfer.tokens.examples import StyleExamples
from adaptoscope.style_transfer.tokens.preview import write_preview
from adaptoscope.style_transfer.tokens.settings import TokenSettings
from adaptoscope.style_transfer.tokens.sources import TokenSource
from adaptoscope.training.checkpoints import Stateful


class TokenStep:
    """One training step of style tokens; the backbone stays as it is.

    Parameters
    ----------
    backbone
        Frozen, on the device of `fabric`.
    """

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
