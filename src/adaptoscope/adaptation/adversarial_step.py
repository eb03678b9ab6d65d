"""Layer-matching adversarial domain adaptation, LM-ADDA (paper 2, section 3.1).

Notation
--------
G       source network, frozen                          `source`
G'      copy of G; its layers 1 to l are learnt anew    `adapted`
f_l(x)  features of a source image x at layer l         `SourceFeatures`
f'_l(x')  features of a target image x'                 `features_of(adapted, ...)`
D_l     discriminator of layer l                        `discriminators`

The printed loss, E log D(f_l(x)) - E log D(f'_l(x')), has no bound. As usual, D minimises
-log D(f_l(x)) - log(1 - D(f'_l(x'))), and G' minimises -log D(f'_l(x')).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from adaptoscope.adaptation.discriminators import FeatureDiscriminator, gradient_penalty
from adaptoscope.adaptation.distances import coral_distance, mean_discrepancy
from adaptoscope.adaptation.features import Features, SourceFeatures, compute_features
from adaptoscope.adaptation.settings import AdaptationSettings
from adaptoscope.training.averaging import AveragedWeights
from adaptoscope.training.checkpoints import Stateful
from adaptoscope.training.step_loop import Logged
from adaptoscope.translation.crops import draw_given
from adaptoscope.translation.fields import Field
from adaptoscope.translation.intensities import IntensityInterval
from adaptoscope.translation.patch_discriminator import bce_fake, bce_real
from adaptoscope.translation.unet import StainUNet

# Moments of Adam as in pix2pix, which paper 2 takes its network from.
BETAS = (0.5, 0.999)
# Random numbers of target crops, apart from those of the source.
_TARGET_STREAM = 2


def copy_with_free_layers(source: StainUNet, last: int) -> StainUNet:
    """Return a copy of which only the layers 1 to `last` can change; the source network is frozen.

    Its later layers have no gradients, and normalise as when predicting.
    """
    source.requires_grad_(False)
    adapted = copy.deepcopy(source)
    for number, layer in enumerate(adapted.layers, start=1):
        layer.requires_grad_(number <= last)
    return adapted


class LayerMatchingStep:
    """One step: the discriminators learn to tell the domains apart, then G' to prevent it."""

    def __init__(
        self,
        settings: AdaptationSettings,
        source: StainUNet,
        known: SourceFeatures,
        fields: Sequence[Field],
        interval: IntensityInterval,
        fabric: Any,
    ) -> None:
        self.settings = settings
        self.known = known
        self.fields = fields
        self.interval = interval
        self.device = fabric.device
        self.adapted = copy_with_free_layers(source, settings.last)
        self.learnt = [weight for weight in self.adapted.parameters() if weight.requires_grad]
        self.optimiser = torch.optim.Adam(self.learnt, settings.learning_rate, BETAS)
        self.average = (
            AveragedWeights(self.adapted, settings.averaging) if settings.averaging else None
        )
        self.state: dict[str, Stateful] = {"adapted": self.adapted, "optimiser": self.optimiser}
        if self.average is not None:
            self.state["average"] = self.average
        self.discriminators = nn.ModuleDict()
        if settings.method == "adversarial":
            torch.manual_seed(settings.seed)
            for layer, features in known.features.items():
                self.discriminators[str(layer)] = FeatureDiscriminator(
                    features.shape[1], features.shape[-1], settings.discriminator_parameters
                )
            self.discriminators.to(self.device)
            rate = settings.learning_rate * settings.discriminator_rate
            self.discriminator_optimiser = torch.optim.Adam(
                self.discriminators.parameters(), rate, BETAS
            )
            self.state |= {
                "discriminators": self.discriminators,
                "judging": self.discriminator_optimiser,
            }

    @property
    def kept(self) -> StainUNet:
        """The network that is kept: the averaged one, or the last."""
        kept = self.adapted if self.average is None else self.average.module
        if not isinstance(kept, StainUNet):
            raise TypeError("the average of a network is a network of the same kind")
        return kept

    def __call__(self, index: int) -> Logged:
        """Take step `index` and return its losses."""
        settings = self.settings
        rng = np.random.default_rng([settings.seed, _TARGET_STREAM, index])
        crops = draw_given(
            self.fields,
            self.interval,
            rng,
            batch=settings.batch,
            crop=settings.crop,
            flips=settings.flips,
        )
        images, seen = self.known.draw(rng, settings.batch)
        found = self._standardise(compute_features(self.adapted, crops.to(self.device), settings))
        if settings.method != "adversarial":
            measure = coral_distance if settings.method == "coral" else mean_discrepancy
            distance = torch.stack([measure(seen[layer], found[layer]) for layer in found]).mean()
            self._update(distance + self._anchor_loss(images, seen))
            return {"distance": distance.detach()}

        # 1. D: source features above 0, target features below.
        loss_of_d, accuracy = self._update_discriminators(
            seen, {layer: each.detach() for layer, each in found.items()}
        )

        # 2. G': target features shall be taken for source features.
        self.discriminators.requires_grad_(False)
        said = [bce_real(self.discriminators[str(layer)](found[layer])) for layer in found]
        adversarial = torch.stack(said).mean()
        self._update(adversarial + self._anchor_loss(images, seen))
        self.discriminators.requires_grad_(True)
        return {
            "generator_loss": adversarial.detach(),
            "discriminator_loss": loss_of_d,
            "discriminator_accuracy": accuracy,
        }

    def _update_discriminators(
        self, seen: Features, found: Features
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Update the discriminators; return their cross-entropy and share of right answers."""
        losses, penalties, rights = [], [], []
        for layer, target in found.items():
            discriminator = self.discriminators[str(layer)]
            source = seen[layer].detach().requires_grad_(self.settings.r1 > 0)
            of_source, of_target = discriminator(source), discriminator(target)
            losses.append(bce_real(of_source) + bce_fake(of_target))
            rights.append(((of_source > 0).float().mean() + (of_target < 0).float().mean()) / 2)
            if self.settings.r1 > 0:
                penalties.append(self.settings.r1 * gradient_penalty(of_source, source))
        loss = torch.stack(losses).mean()
        self.discriminator_optimiser.zero_grad(set_to_none=True)
        (loss + torch.stack(penalties).mean() if penalties else loss).backward()
        self.discriminator_optimiser.step()
        return loss.detach(), torch.stack(rights).mean()

    def _update(self, loss: torch.Tensor) -> None:
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.learnt, self.settings.clip)
        self.optimiser.step()
        if self.average is not None:
            self.average.update()

    def _anchor_loss(self, images: torch.Tensor, seen: Features) -> torch.Tensor | float:
        """Return how far G' has moved on source images, weighted; 0 without an anchor."""
        if not self.settings.anchor:
            return 0.0
        own = self._standardise(
            compute_features(self.adapted, images.to(self.device), self.settings)
        )
        moved = [(own[layer] - seen[layer]).abs().mean() for layer in own]
        return self.settings.anchor * torch.stack(moved).mean()

    def _standardise(self, features: Features) -> Features:
        return {layer: self.known.scales[layer](each) for layer, each in features.items()}
