"""Second half of the compact backbone: noise prediction, given a style and a layout.

The style tokens of a crop come from *another* crop of the same image, so that they can carry how
the image looks but not where its cells are.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch.nn import functional

from adaptoscope.style_transfer.backbones.compact.network import CompactBackbone
from adaptoscope.style_transfer.backbones.compact.train_autoencoder import draw_style_crops
from adaptoscope.style_transfer.layout_condition import layout_condition
from adaptoscope.style_transfer.settings import BackboneTrainingSettings
from adaptoscope.training.averaging import AveragedWeights
from adaptoscope.training.checkpoints import Stateful
from adaptoscope.training.patch_pool import PatchPool
from adaptoscope.training.schedule import learning_rate_at


class DenoiserStep:
    """One training step of the U-Net and the style encoder; the autoencoder stays frozen."""

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
        self.backbone = backbone.to(memory_format=torch.channels_last).to(fabric.device)
        self.backbone.autoencoder.requires_grad_(False).eval()
        self.trained = torch.nn.ModuleDict(
            {"denoiser": backbone.denoiser, "style_encoder": backbone.style_encoder}
        )
        self.trained.register_parameter("no_style", backbone.no_style)
        self.optimiser = torch.optim.AdamW(
            self.trained.parameters(), settings.denoiser.learning_rate, weight_decay=0.01
        )
        self.average = AveragedWeights(self.trained, 0.9995)
        self.state: dict[str, Stateful] = {
            "trained": self.trained,
            "optimiser": self.optimiser,
            "average": self.average,
        }

    def __call__(self, index: int) -> Mapping[str, float | torch.Tensor]:
        """Take step `index` and return its loss."""
        options = self.settings.denoiser
        crops = draw_style_crops(self.pool, self.settings, options.batch, index, 2)
        crop = crops.clean if self.settings.autoencoder.denoise else crops.seen[0]
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate_at(
                index, options.steps, options.learning_rate, self.settings.warm_up
            )
        backbone, device = self.backbone, crop.device
        known = crops.known & (torch.rand(len(crop), device=device) >= options.layout_dropout)
        styled = torch.rand(len(crop), 1, 1, device=device) >= options.style_dropout
        timesteps = torch.randint(0, backbone.schedule.steps, (len(crop),), device=device)
        with self.fabric.autocast():
            with torch.no_grad():
                latents = backbone.encode(crop).float()
            noise = torch.randn_like(latents)
            noised = backbone.schedule.add_noise(latents, noise, timesteps)
            tokens = torch.where(styled, backbone.embed_style(crops.seen[1]), backbone.no_style)
            layout = layout_condition(crops.planes, known)
            predicted = backbone.predict_noise(noised, timesteps, tokens, layout)
            loss = functional.mse_loss(predicted.float(), noise)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained.parameters(), 1.0)
        self.optimiser.step()
        self.average.update()
        return {"loss": loss.detach()}


@torch.no_grad()
def measure_latents(
    backbone: CompactBackbone, pool: PatchPool, settings: BackboneTrainingSettings
) -> None:
    """Set the backbone's latent mean and sd per channel, measured on augmented crops."""
    backbone.latent_mean.zero_()
    backbone.latent_sd.fill_(1.0)
    seen = [
        backbone.encode(draw_style_crops(pool, settings, 64, index, 1).seen[0])
        for index in range(16)
    ]
    latents = torch.cat(seen)
    backbone.latent_mean.copy_(latents.mean((0, 2, 3), keepdim=True))
    backbone.latent_sd.copy_(latents.std((0, 2, 3), keepdim=True))
