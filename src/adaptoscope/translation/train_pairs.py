"""Train a network to predict stains, from pairs (pix2pix, or its absolute error alone)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from adaptoscope.datasets.paired_stains import PairedStainSet
from adaptoscope.errors import InputError
from adaptoscope.training.checkpoints import Stateful
from adaptoscope.training.run_folder import RunFolder
from adaptoscope.training.step_loop import Device, Logged, run_steps, start_fabric
from adaptoscope.translation.crops import draw_pairs
from adaptoscope.translation.fields import Field, read_fields, stains_of
from adaptoscope.translation.finish import finish_translator
from adaptoscope.translation.intensities import StainIntensities, measure_interval
from adaptoscope.translation.model_folder import MODEL_FILES
from adaptoscope.translation.patch_discriminator import PatchDiscriminator, bce_fake, bce_real
from adaptoscope.translation.settings import TranslationSettings
from adaptoscope.translation.unet import StainUNet

# Moments of Adam as in pix2pix.
BETAS = (0.5, 0.999)


def train_translator(
    settings: TranslationSettings,
    out: Path,
    *,
    pairs: PairedStainSet,
    stains: Sequence[str] | None = None,
    device: Device = "auto",
    overwrite: bool = False,
) -> Path:
    """Train a network and write its model folder; a killed run goes on with the same call.

    Pairs are of one modality. Those of the split ``train`` are learnt from, or all where no pair is
    in a split; those of ``val`` are measured at the end. `stains` are all of the set by default.
    """
    part = training_part(pairs)
    names = list(stains) if stains is not None else stains_of(part)
    fields = read_fields(part, names)
    intensities = measure_intensities(fields, names, settings)
    fabric = start_fabric(device)
    run = RunFolder.open(out, settings, overwrite=overwrite, parts=MODEL_FILES)
    run.keep_inputs(part.hashes().values())
    if (out / "model.json").exists():
        return out
    run.record_environment(fabric.device)
    torch.manual_seed(settings.seed)
    step = PairedStep(settings, fields, intensities, fabric)
    run_steps(
        step,
        steps=settings.steps,
        state=step.state,
        run=run,
        save_every=settings.save_every,
        log_every=settings.log_every,
        description="stain train",
        seed=settings.seed,
    )
    finish_translator(out, settings, step.network, intensities, part, pairs)
    run.drop_checkpoint()
    return out


class PairedStep:
    """One training step on pairs; with `pix2pix`, first of the discriminator, then of the U-Net.

    `intensities` say what becomes -1 and 1. A `network` of the shape that the settings name is
    changed in place; by default one of random weights.
    """

    def __init__(
        self,
        settings: TranslationSettings,
        fields: Sequence[Field],
        intensities: StainIntensities,
        fabric: Any,
        network: StainUNet | None = None,
    ) -> None:
        self.settings = settings
        self.fields = fields
        self.intensities = intensities
        self.fabric = fabric
        number = len(intensities.stains)
        if network is None:
            network = StainUNet(
                number, settings.width, norm=settings.norm, dropout=settings.dropout
            )
        self.network = network.train().requires_grad_(True).to(fabric.device)
        self.network.to(memory_format=torch.channels_last)
        rate = settings.learning_rate
        self.optimiser = torch.optim.Adam(self.network.parameters(), rate, BETAS)
        self.state: dict[str, Stateful] = {"network": self.network, "optimiser": self.optimiser}
        self.discriminator: PatchDiscriminator | None = None
        if settings.loss == "pix2pix":
            self.discriminator = PatchDiscriminator(
                1 + number, settings.discriminator_width, norm=settings.norm
            ).to(fabric.device)
            self.discriminator_optimiser = torch.optim.Adam(
                self.discriminator.parameters(), rate, BETAS
            )
            self.state |= {
                "judge": self.discriminator,
                "judge_optimiser": self.discriminator_optimiser,
            }

    def __call__(self, index: int) -> Logged:
        """Take step `index` and return its losses."""
        settings = self.settings
        rng = np.random.default_rng([settings.seed, index])
        crops = draw_pairs(
            self.fields,
            self.intensities,
            rng,
            batch=settings.batch,
            crop=settings.crop,
            flips=settings.flips,
        )
        given, true = crops.given.to(self.fabric.device), crops.stains.to(self.fabric.device)
        self._set_rates(index)
        predicted = self.network(given)
        error = functional.l1_loss(predicted, true)
        if self.discriminator is None:
            self._update(error)
            return {"l1": error.detach()}

        # 1. The discriminator: pairs above 0, predictions below; its loss is halved as in pix2pix.
        judged = bce_real(self.discriminator(given, true)) + bce_fake(
            self.discriminator(given, predicted.detach())
        )
        self.discriminator_optimiser.zero_grad(set_to_none=True)
        (judged / 2).backward()
        self.discriminator_optimiser.step()

        # 2. The U-Net: be taken for real, and be near the truth.
        adversarial = bce_real(self.discriminator(given, predicted))
        self._update(adversarial + settings.l1_weight * error)
        return {
            "l1": error.detach(),
            "generator_loss": adversarial.detach(),
            "discriminator_loss": judged.detach(),
        }

    def _update(self, loss: torch.Tensor) -> None:
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()

    def _set_rates(self, index: int) -> None:
        rate = self.settings.learning_rate * decay_factor(
            index, self.settings.steps, self.settings.decay_from
        )
        optimisers = (
            [self.optimiser]
            if self.discriminator is None
            else [
                self.optimiser,
                self.discriminator_optimiser,
            ]
        )
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = rate


def decay_factor(index: int, steps: int, begin: float) -> float:
    """Return the factor on the step size of step `index`, from 0: 1, and then linearly down to 0.

    The fall begins after a share `begin` of the steps; 1 never lets it fall.
    """
    first = begin * steps
    if index < first or begin >= 1:
        return 1.0
    return (steps - index) / (steps - first)


def training_part(pairs: PairedStainSet) -> PairedStainSet:
    """Return the pairs of the split ``train``, or all where no pair is in a split."""
    if all(record.split is None for record in pairs):
        return pairs
    return pairs.select(split="train")


def select_modality(pairs: PairedStainSet, modality: str | None) -> PairedStainSet:
    """Return the pairs of one modality, which None may leave out where the set has only one."""
    if modality is not None:
        return pairs.select(modality=modality)
    present = sorted({record.modality or "unnamed" for record in pairs})
    if len(present) > 1:
        raise InputError(
            f"The pairs of {pairs.folder} are of several modalities.",
            expected="one of them, as a network learns from one kind of image",
            found=", ".join(present),
            remedy="choose with --modality (for the target of an adaptation: --target-modality)",
        )
    return pairs


def measure_intensities(
    fields: Sequence[Field], stains: Sequence[str], settings: TranslationSettings
) -> StainIntensities:
    """Measure the constants of a training set; `stains` names them in their order."""
    low, high = settings.low_percentile, settings.high_percentile
    return StainIntensities(
        bit_depth=fields[0].bit_depth,
        given=measure_interval((field.pixels for field in fields), low, high),
        stains={
            stain: measure_interval((field.truth[place] for field in fields), low, high)
            for place, stain in enumerate(stains)
        },
    )
