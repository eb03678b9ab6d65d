"""What every kind of experiment is given to run in: its folder, a device, processes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from adaptoscope.training.progress import part_of
from adaptoscope.training.run_folder import RunFolder
from adaptoscope.training.step_loop import Device, start_fabric


@dataclass(frozen=True)
class RunContext:
    """Where and with what an experiment runs.

    Parameters
    ----------
    device
        Where networks run.
    workers
        Processes for stylising; the results are the same for any number.
    """

    folder: RunFolder
    device: Device = "auto"
    workers: int = 1
    overwrite: bool = False

    @property
    def path(self) -> Path:
        """The run folder."""
        return self.folder.path

    @property
    def computes_on(self) -> str:
        """The device, as PyTorch names it."""
        return str(start_fabric(self.device).device)

    def record_environment(self, device: str | None = None) -> None:
        """Record what the run is computed with, unless it is finished."""
        if not (self.path / "report.html").exists():
            self.folder.record_environment(device or self.computes_on)

    @contextmanager
    def timed(self, stage: str, shown: str = "") -> Iterator[None]:
        """Record how long a stage took, and name it in what progress is shown meanwhile.

        Parameters
        ----------
        stage
            Its name in ``timings.csv``.
        shown
            Its name beside progress, where that says more.
        """
        started = time.perf_counter()
        with part_of(shown or stage):
            yield
        self.folder.record_timing(stage, time.perf_counter() - started)
