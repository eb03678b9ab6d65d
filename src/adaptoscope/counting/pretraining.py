"""What the trainings of the bundled counter and of the bundled encoder share."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

import torch
from pydantic import Field
from torch import nn

from adaptoscope.training.averaged_descent import AveragedDescent
from adaptoscope.training.run_folder import RunFolder
from adaptoscope.training.settings import Settings
from adaptoscope.training.step_loop import Device, run_steps, start_fabric


class PretrainingSettings(Settings):
    """How a network for many microscopes is trained."""

    steps: int = Field(ge=1)
    """Training steps."""
    batch: int = Field(ge=1)
    """Crops in a step."""
    learning_rate: float = Field(gt=0)
    """AdamW, cosine decay to a twentieth."""
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    """Arithmetic of the forward passes."""
    seed: int = Field(default=0, ge=0)
    """Seed of weights and crops."""


class PretrainingStep:
    """A training step's network on its device, and the averaged descent of its weights."""

    def __init__(
        self, network: nn.Module, settings: PretrainingSettings, fabric: Any, *, warm_up: int
    ) -> None:
        self.fabric = fabric
        self.network = network.to(memory_format=torch.channels_last).to(fabric.device)
        self.descent = AveragedDescent(
            self.network,
            steps=settings.steps,
            learning_rate=settings.learning_rate,
            warm_up=warm_up,
        )

    def __call__(self, index: int) -> Mapping[str, float | torch.Tensor]:
        """Take step `index`; return the loss and the mean absolute error of whole crops."""
        loss, error = self.losses(index)
        self.descent.descend(loss, index)
        return {"loss": loss.detach(), "crop_error": error.detach()}

    def losses(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the loss of the batch of a step, and the mean absolute error of its crops."""
        raise NotImplementedError

    def predict(self, images: torch.Tensor) -> torch.Tensor:
        """Return what the network says of crops, computed in the precision of the settings."""
        with self.fabric.autocast():
            output: torch.Tensor = self.network(images).float()
        return output


_Step = TypeVar("_Step", bound=PretrainingStep)


def pretrain(
    name: str,
    run: RunFolder,
    settings: PretrainingSettings,
    step_on: Callable[[Any], _Step],
    *,
    device: Device,
    save_every: int,
    log_every: int,
) -> _Step:
    """Take all steps of a training, going on where a killed one stopped; return the last state."""
    fabric = start_fabric(device, settings.precision)
    torch.manual_seed(settings.seed)
    run.record_environment(fabric.device)
    step = step_on(fabric)
    started = time.perf_counter()
    run_steps(
        step,
        steps=settings.steps,
        state=step.descent.state,
        run=run,
        save_every=save_every,
        log_every=log_every,
        description=name,
        seed=settings.seed,
    )
    run.record_timing(name, time.perf_counter() - started)
    return step
