"""The folder of one training run: settings, numbers, checkpoint, machine."""

import json
import os
import platform
import shutil
import sys
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path

import yaml

from adaptoscope.errors import OutputError, describe_differences
from adaptoscope.imageio.atomic_files import (
    is_occupied,
    remove_partial_files,
    write_json,
    write_text,
)
from adaptoscope.imageio.csv_tables import append_row
from adaptoscope.training.settings import Settings, settings_text

TRAINING_IMAGES = "training_images.json"
INPUTS = "inputs.json"
ENVIRONMENT = "environment.json"
_PACKAGES = ("adaptoscope", "torch", "lightning", "timm", "diffusers", "numpy", "scipy")


class RunFolder:
    """Where one run keeps everything it writes.

    Wall-clock times and facts of the machine stand only in ``environment.json`` and
    ``timings.csv``; every other file is a function of settings, inputs and seed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoint = path / "checkpoints" / "last.pt"
        self.metrics = path / "metrics.csv"

    @classmethod
    def open(
        cls,
        path: Path,
        settings: Settings,
        *,
        overwrite: bool = False,
        parts: Iterable[str] = (),
    ) -> "RunFolder":
        """Begin a run, or go on with the one that was begun with equal settings.

        Parameters
        ----------
        path
            The folder; made if absent.
        overwrite
            Begin anew: discard what an earlier run left in its own files. Folders that hold no
            run are never touched.
        parts
            Further files and folders that the run writes, discarded with the earlier run.
        """
        text = settings_text(settings)
        written = path / "settings.yaml"
        same = written.exists() and _same_values(written.read_text(encoding="utf-8"), text)
        if written.exists():
            if not same and not overwrite:
                raise OutputError(
                    f"The folder {path} holds a run with other settings.",
                    expected="the settings it was begun with",
                    found=_changed_since(written, text),
                    remedy="choose another folder, or pass --overwrite to discard the old run",
                )
        elif is_occupied(path):
            raise OutputError(
                f"The output folder {path} holds something else and no run.",
                expected="an empty or absent folder, or a run with the same settings",
                found="files without settings.yaml" if path.is_dir() else "a file",
                remedy="choose another folder",
            )
        run = cls(path)
        if overwrite or not same:
            run.discard(parts)
            path.mkdir(parents=True, exist_ok=True)
            write_text(written, text)
        remove_partial_files(path, below=True)
        if not (path / ENVIRONMENT).exists():
            run.record_environment()
        return run

    def discard(self, parts: Iterable[str] = ()) -> None:
        """Remove what an earlier run made: parts by name, checkpoint, numbers and timings."""
        own = (TRAINING_IMAGES, INPUTS, ENVIRONMENT, "timings.csv")
        stale = [self.path / part for part in (*parts, *own)]
        for place in (*stale, self.checkpoint, self.metrics):
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place)
            else:
                place.unlink(missing_ok=True)

    def drop_checkpoint(self) -> None:
        """Remove the checkpoint of a run that is finished, whose model folder says all."""
        self.checkpoint.unlink(missing_ok=True)
        if self.checkpoint.parent.is_dir() and not any(self.checkpoint.parent.iterdir()):
            self.checkpoint.parent.rmdir()

    def keep_inputs(self, hashes: Iterable[str]) -> None:
        """Remember which images the run learns from, and refuse to go on with others.

        Parameters
        ----------
        hashes
            SHA-256 of the decoded pixels of every training image, in any order.
        """
        path, wanted = self.path / TRAINING_IMAGES, sorted(set(hashes))
        if path.exists() and json.loads(path.read_text("utf-8")) != wanted:
            raise OutputError(
                f"The run in {self.path} was begun with other images.",
                expected=f"the images whose hashes stand in {path.name}",
                found=f"{len(wanted)} images that are not the same",
                remedy="choose another folder, or pass --overwrite to discard the old run",
            )
        write_json(path, wanted)

    def keep_named_inputs(self, inputs: Mapping[str, str]) -> None:
        """Remember every input of the run by name, and refuse to go on with others.

        Parameters
        ----------
        inputs
            From the name of an input, as a person knows it, to its hash or origin.
        """
        path = self.path / INPUTS
        before = json.loads(path.read_text("utf-8")) if path.exists() else dict(inputs)
        if before != dict(inputs):
            raise OutputError(
                f"The inputs of the run in {self.path} have changed since it was begun.",
                expected=f"the inputs that stand in {path.name}",
                found=_differences(before, inputs),
                remedy="choose another folder, or pass --overwrite to discard the old run",
            )
        write_json(path, dict(sorted(inputs.items())))

    def append_metrics(self, step: int, values: Mapping[str, float | None]) -> None:
        """Add one row to ``metrics.csv``.

        Parameters
        ----------
        step
            Number of the last step of the row.
        values
            The first row decides the columns: later ones may lack some, but bring no others. None
            leaves a field empty.
        """
        fields = {name: "" if v is None else f"{v:.6g}" for name, v in values.items()}
        append_row(self.metrics, {"step": step, **fields})

    def keep_metrics_before(self, step: int) -> None:
        """Drop the rows that a killed run wrote after its last checkpoint."""
        if not self.metrics.exists():
            return
        lines = self.metrics.read_text(encoding="utf-8").splitlines()
        kept = [row for row in lines[1:] if row.split(",")[0].isdigit() and _step_of(row) < step]
        write_text(self.metrics, "\n".join([*lines[:1], *kept]) + "\n")

    def record_timing(self, stage: str, seconds: float) -> None:
        """Add a row to ``timings.csv``."""
        append_row(self.path / "timings.csv", {"stage": stage, "seconds": f"{seconds:.2f}"})

    def record_environment(self, device: object = None) -> None:
        """Write what the run is computed with: Python, packages, processor, threads, device.

        Called when a run is begun, and by every training when it starts to compute: a run that is
        finished keeps what it was made with, wherever it is opened again.

        Parameters
        ----------
        device
            Where networks run, for example ``cuda:0``; None keeps what was recorded before.
        """
        path = self.path / ENVIRONMENT
        before = json.loads(path.read_text("utf-8")) if path.exists() else {}
        chosen = before.get("device") if device is None else str(device)
        write_json(path, describe_environment() | {"device": chosen})


def describe_environment() -> dict[str, object]:
    """Return the Python and package versions, processor and threads of this process."""
    torch = sys.modules.get("torch")
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "processor": platform.machine(),
        "cpus": os.cpu_count(),
        "torch_threads": torch.get_num_threads() if torch else None,
        "packages": found,
    }


def _differences(before: Mapping[str, str], now: Mapping[str, str], most: int = 3) -> str:
    """Say in words which inputs differ, the first few by name."""
    parts = []
    for verb, names in (
        ("changed", [name for name in now if before.get(name, now[name]) != now[name]]),
        ("new", [name for name in now if name not in before]),
        ("gone", [name for name in before if name not in now]),
    ):
        if names:
            more = f" and {len(names) - most} more" if len(names) > most else ""
            parts.append(f"{verb}: {', '.join(sorted(names)[:most])}{more}")
    return "; ".join(parts)


def _same_values(first: str, second: str) -> bool:
    try:
        return bool(yaml.safe_load(first) == yaml.safe_load(second))
    except yaml.YAMLError:
        return False


def _changed_since(written: Path, text: str) -> str:
    """Say what differs from the settings that a run was begun with."""
    try:
        before = yaml.safe_load(written.read_text(encoding="utf-8"))
    except yaml.YAMLError:
        return f"{written}, which is not YAML"
    return describe_differences(before, yaml.safe_load(text))


def _step_of(row: str) -> int:
    return int(row.split(",")[0])
