"""First half of the compact backbone: images to latents and back."""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from adaptoscope.style_transfer.backbones.compact.network import CompactBackbone
from adaptoscope.style_transfer.intensity_range import HIGHEST, LOWEST
from adaptoscope.style_transfer.settings import BackboneTrainingSettings
from adaptoscope.training.augmentation import add_noise, change_light, draw_appearance
from adaptoscope.training.averaging import AveragedWeights
from adaptoscope.training.checkpoints import Stateful
from adaptoscope.training.patch_pool import PatchPool
from adaptoscope.training.schedule import learning_rate_at
from adaptoscope.training.step_loop import Logged, seed_of_step


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

    def __call__(self, index: int) -> Logged:
        """Take step `index` and return its losses; None for those of a judge not yet called."""
        options = self.settings.autoencoder
        crops = draw_style_crops(self.pool, self.settings, options.batch, index, 1)
        seen = crops.seen[0]
        pixels = crops.clean if options.denoise else seen
        for optimiser, factor in ((self.optimiser, 1.0), (self.verdict_optimiser, 0.5)):
            for group in optimiser.param_groups:
                group["lr"] = factor * learning_rate_at(
                    index, options.steps, options.learning_rate, self.settings.warm_up
                )
        with self.fabric.autocast():
            posterior = self.network.posterior(seen)
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
        margin = deceit = None
        if options.adversarial_weight and index >= options.adversarial_from * options.steps:
            margin = self._update_verdict(pixels, rebuilt.detach())
            deceit = -self.verdict(rebuilt.float()).mean()
            total = total + options.adversarial_weight * deceit
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.average.update()
        logged = {name: value.detach() for name, value in losses.items()}
        judged = None if deceit is None else deceit.detach()
        return {**logged, "real_margin": margin, "deceit": judged}

    def _update_verdict(self, real: torch.Tensor, rebuilt: torch.Tensor) -> torch.Tensor:
        real_logits, false_logits = self.verdict(real), self.verdict(rebuilt.float())
        loss = functional.relu(1 - real_logits).mean() + functional.relu(1 + false_logits).mean()
        self.verdict_optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.verdict_optimiser.step()
        margin: torch.Tensor = real_logits.mean() - false_logits.mean()
        return margin.detach()


@dataclass(frozen=True)
class StyleCrops:
    """Crops that look as if one microscope had taken them; images in [-1, 1].

    Parameters
    ----------
    seen
        Crops at different places of the same images, each of shape (B, 1, crop, crop).
    clean, planes
        The first of them without the noise that was added, and its layout planes (B, P, crop,
        crop).
    known
        For each image whether its planes are known, shape (B,).
    """

    seen: list[torch.Tensor]
    clean: torch.Tensor
    planes: torch.Tensor
    known: torch.Tensor


def draw_style_crops(
    pool: PatchPool, settings: BackboneTrainingSettings, batch: int, index: int, crops: int
) -> StyleCrops:
    """Draw augmented crops for a training step, several from each image of a batch."""
    rng = np.random.default_rng([settings.seed, index])
    device = pool.pixels.device
    noise = torch.Generator(device).manual_seed(seed_of_step(settings.seed, index))
    first = pool.draw_windows(
        rng,
        batch,
        settings.crop,
        scale_range=settings.scale_range,
        unscaled_share=settings.unscaled_share,
        diameter_range=settings.diameter_range,
    )
    change = draw_appearance(rng, batch)
    windows = [first, *(pool.moved(first, rng, settings.crop) for _ in range(crops - 1))]
    drawn = [pool.crops(each, settings.crop) for each in windows]
    light = [change_light(crop[:, :1], change) for crop in drawn]
    return StyleCrops(
        seen=[_to_model(add_noise(crop, change, noise)) for crop in light],
        clean=_to_model(light[0]),
        planes=drawn[0][:, 1:],
        known=pool.has_planes[torch.from_numpy(first.patches).to(device)],
    )


def _to_model(shares: torch.Tensor) -> torch.Tensor:
    return 2 * shares.clamp(LOWEST, HIGHEST) - 1


def _gradients(pixels: torch.Tensor) -> torch.Tensor:
    corner = pixels[..., :-1, :-1]
    rows: torch.Tensor = pixels[..., 1:, :-1] - corner
    columns: torch.Tensor = pixels[..., :-1, 1:] - corner
    return torch.cat([rows, columns], dim=1)
