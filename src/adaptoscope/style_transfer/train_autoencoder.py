"""First half of the compact backbone: images to latents and back."""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from adaptoscope.style_transfer.compact import CompactBackbone
from adaptoscope.style_transfer.settings import BackboneTrainingSettings
from adaptoscope.training.appearance import change_appearance, draw_appearance
from adaptoscope.training.averaging import AveragedWeights
from adaptoscope.training.checkpoints import Stateful
from adaptoscope.training.patch_pool import PatchPool
from adaptoscope.training.schedule import learning_rate_at
from adaptoscope.training.step_loop import seed_of_step


class PatchVerdict(nn.Module):
    """Judges whether patches of about 40 pixels are real; returns logits, real above 0."""

    def __init__(self) -> None:
        super().__init__()
        widths = (1, 32, 64, 128)
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            layers += [
                nn.utils.spectral_norm(nn.Conv2d(before, after, 4, stride=2, padding=1)),
                nn.LeakyReLU(0.2),
            ]
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 3, padding=1))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return logits of shape (B, 1, H / 8, W / 8) for images of shape (B, 1, H, W)."""
        logits: torch.Tensor = self.layers(pixels)
        return logits


class AutoencoderStep:
    """One training step of the autoencoder: reconstruct, then let the discriminator judge."""

    def __init__(
        self,
        backbone: CompactBackbone,
        pool: PatchPool,
        settings: BackboneTrainingSettings,
        fabric: Any,
    ) -> None:
        self.settings = settings
        self.pool = pool
        self.fabric = fabric
        self.network = backbone.autoencoder.to(memory_format=torch.channels_last).to(fabric.device)
        self.verdict = PatchVerdict().to(fabric.device)
        rate = settings.autoencoder.learning_rate
        self.optimiser = torch.optim.Adam(self.network.parameters(), rate, betas=(0.5, 0.99))
        self.verdict_optimiser = torch.optim.Adam(
            self.verdict.parameters(), rate / 2, betas=(0.5, 0.99)
        )
        self.average = AveragedWeights(self.network)
        self.state: dict[str, Stateful] = {
            "network": self.network,
            "verdict": self.verdict,
            "optimiser": self.optimiser,
            "verdict_optimiser": self.verdict_optimiser,
            "average": self.average,
        }

    def __call__(self, index: int) -> Mapping[str, float | torch.Tensor]:
        """Take step `index` and return its losses."""
        options = self.settings.autoencoder
        pixels = draw_style_crops(self.pool, self.settings, options.batch, index, 1)[0][0][:, :1]
        for optimiser, factor in ((self.optimiser, 1.0), (self.verdict_optimiser, 0.5)):
            for group in optimiser.param_groups:
                group["lr"] = factor * learning_rate_at(
                    index, options.steps, options.learning_rate, self.settings.warm_up
                )
        with self.fabric.autocast():
            posterior = self.network.posterior(pixels)
            rebuilt = self.network.rebuild(posterior.sample())
            losses = {
                "pixels": functional.l1_loss(rebuilt, pixels),
                "gradients": functional.l1_loss(_gradients(rebuilt), _gradients(pixels)),
                "divergence": posterior.kl().mean() / posterior.mean[0].numel(),
            }
        total = (
            losses["pixels"]
            + options.gradient_weight * losses["gradients"]
            + options.divergence_weight * losses["divergence"]
        )
        if index >= options.adversarial_from * options.steps:
            losses["real_margin"] = self._update_verdict(pixels, rebuilt.detach())
            losses["deceit"] = -self.verdict(rebuilt.float()).mean()
            total = total + options.adversarial_weight * losses["deceit"]
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.average.update()
        return {name: value.detach() for name, value in losses.items()}

    def _update_verdict(self, real: torch.Tensor, rebuilt: torch.Tensor) -> torch.Tensor:
        real_logits, false_logits = self.verdict(real), self.verdict(rebuilt.float())
        loss = functional.relu(1 - real_logits).mean() + functional.relu(1 + false_logits).mean()
        self.verdict_optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.verdict_optimiser.step()
        margin: torch.Tensor = real_logits.mean() - false_logits.mean()
        return margin.detach()


def draw_style_crops(
    pool: PatchPool, settings: BackboneTrainingSettings, batch: int, index: int, crops: int
) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Draw crops that look as if one microscope had taken them, at different places of an image.

    Parameters
    ----------
    pool
        Where the crops come from.
    settings
        Crop size, scales, seed.
    batch, index
        Number of images, and number of the training step.
    crops
        Crops of each image.

    Returns
    -------
    tuple
        `crops` tensors of shape (B, 1 + P, crop, crop), the image in [-1, 1] first, and for each
        image whether its planes are known, shape (B,).
    """
    rng = np.random.default_rng([settings.seed, index])
    device = pool.pixels.device
    noise = torch.Generator(device).manual_seed(seed_of_step(settings.seed, index))
    windows = pool.draw_windows(rng, batch, settings.crop, scale_range=settings.scale_range)
    change = draw_appearance(rng, batch)
    drawn = []
    for number in range(crops):
        if number:
            windows = pool.moved(windows, rng, settings.crop)
        crop = pool.crops(windows, settings.crop)
        crop[:, :1] = 2 * change_appearance(crop[:, :1], change, noise).clamp(-0.3, 3.0) - 1
        drawn.append(crop)
    return drawn, pool.has_planes[torch.from_numpy(windows.patches).to(device)]


def _gradients(pixels: torch.Tensor) -> torch.Tensor:
    corner = pixels[..., :-1, :-1]
    rows: torch.Tensor = pixels[..., 1:, :-1] - corner
    columns: torch.Tensor = pixels[..., :-1, 1:] - corner
    return torch.cat([rows, columns], dim=1)
