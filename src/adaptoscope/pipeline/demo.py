"""The main job from nothing, offline: an invented microscope, bundled weights, a report."""

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from adaptoscope.pipeline.run import run
from adaptoscope.pipeline.settings import ExperimentSettings
from adaptoscope.training.settings import load_settings

if TYPE_CHECKING:
    from adaptoscope.training.step_loop import Device


def demo(
    out: Path | None = None,
    *,
    quick: bool = False,
    device: "Device" = "auto",
    workers: int = 1,
    overwrite: bool = False,
) -> Path:
    """Run the whole counting job on simulated images.

    Parameters
    ----------
    out
        Run folder; by default ``runs/demo``, or ``runs/demo_quick``.
    quick
        A smaller run of the same stages, for checking an installation.
    device, workers, overwrite
        As in `adaptoscope.pipeline.run.run`.

    Returns
    -------
    pathlib.Path
        The report.
    """
    place = out or Path("runs", "demo_quick" if quick else "demo")
    settings = demo_settings(quick=quick)
    return run(settings, place, device=device, workers=workers, overwrite=overwrite)


def demo_settings(*, quick: bool = False) -> ExperimentSettings:
    """Return the settings of the demo, as they stand beside this file."""
    name = "demo_quick.yaml" if quick else "demo.yaml"
    with resources.as_file(resources.files("adaptoscope.pipeline") / name) as path:
        return load_settings(path, ExperimentSettings)
