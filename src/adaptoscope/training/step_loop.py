"""The loop around a training step: resume, count, log, save.

What a step does stands in the method's own file; this loop decides nothing about it.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import torch

from adaptoscope.errors import SettingsError
from adaptoscope.inference.network import Device as Device
from adaptoscope.training.checkpoints import Stateful, load_checkpoint, save_checkpoint
from adaptoscope.training.progress import progress_display
from adaptoscope.training.run_folder import RunFolder

Precision = Literal["32-true", "bf16-mixed"]
Logged = Mapping[str, float | torch.Tensor | None]
"""Numbers of one step by name; None for one that the step did not measure."""

Step = Callable[[int], Logged]


def start_fabric(device: Device = "auto", precision: Precision = "32-true") -> Any:
    """Start the engine that places networks and batches on a device.

    Parameters
    ----------
    device
        ``auto`` takes a GPU where there is one.
    precision
        ``bf16-mixed`` computes in bfloat16 where that is safe.
    """
    from lightning.fabric import Fabric

    try:
        fabric = Fabric(accelerator=device, devices=1, precision=precision)
    except RuntimeError as error:
        raise SettingsError(
            f"The device {device} cannot be used.",
            expected="a device of this machine",
            found=" ".join(str(error).split()),
            remedy="use --device auto, or see `adaptoscope doctor` for what there is",
        ) from error
    fabric.launch()
    return fabric


def seed_of_step(seed: int, step: int) -> int:
    """Return the seed of everything random inside one step, independent of all other steps."""
    return int(np.random.SeedSequence([seed, step]).generate_state(1)[0])


def run_steps(
    step: Step,
    *,
    steps: int,
    state: Mapping[str, Stateful],
    run: RunFolder,
    save_every: int,
    log_every: int,
    description: str,
    seed: int,
    units: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Take training steps until `steps` are done, going on where a killed run stopped.

    Parameters
    ----------
    step
        Does step i and returns the numbers to log, under the same names in every step: the first
        row of ``metrics.csv`` decides its columns. Batches must be a function of (seed, i) alone;
        PyTorch's own generator is seeded from both before each call, so that a resumed run equals
        an unbroken one.
    run
        Where numbers and checkpoints go.
    save_every, log_every
        Steps between checkpoints, and between rows of ``metrics.csv`` (means since the row before).
        A checkpoint ends a row too, so that a resumed run writes the same rows.
    units
        Of the numbers that have one, for the progress bar.
    """
    first = load_checkpoint(run.checkpoint, state)
    run.keep_metrics_before(first)
    if first >= steps:
        return
    window = _Window()
    note = ""
    with progress_display(description, steps, done=first, unit="step") as advance:
        for index in range(first, steps):
            torch.manual_seed(seed_of_step(seed, index))
            window.add(step(index))
            done = index + 1
            save = done % save_every == 0 or done == steps
            if save or done % log_every == 0:
                run.append_metrics(index, window.means())
                note = window.text(units)
                window = _Window()
            if save:
                save_checkpoint(run.checkpoint, state, done)
            advance(note)


class _Window:
    """Means of the numbers logged since the last row, each over the steps that measured it."""

    def __init__(self) -> None:
        self.sums: dict[str, float | torch.Tensor] = {}
        self.steps: dict[str, int] = {}

    def add(self, values: Logged) -> None:
        for name, value in values.items():
            self.steps.setdefault(name, 0)
            if value is not None:
                self.sums[name] = self.sums.get(name, 0.0) + value
                self.steps[name] += 1

    def means(self) -> dict[str, float | None]:
        return {
            name: float(self.sums[name]) / steps if steps else None
            for name, steps in self.steps.items()
        }

    def text(self, units: Mapping[str, str]) -> str:
        known = {name: value for name, value in self.means().items() if value is not None}
        return ", ".join(
            f"{name} {value:.3g} {units.get(name, '')}".rstrip() for name, value in known.items()
        )
