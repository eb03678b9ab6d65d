"""Run any kind of experiment from its settings file to its report."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from adaptoscope.errors import SettingsError
from adaptoscope.pipeline.experiment import run_counting
from adaptoscope.pipeline.paper_figures.run import run_paper_figures
from adaptoscope.pipeline.paper_figures.settings import PaperFigureSettings
from adaptoscope.pipeline.release.run import run_release
from adaptoscope.pipeline.release.settings import ReleaseSettings
from adaptoscope.pipeline.settings import ExperimentSettings
from adaptoscope.pipeline.style_study.run import run_study
from adaptoscope.pipeline.style_study.settings import StyleStudySettings
from adaptoscope.training.settings import Settings, read_settings, settings_from
from adaptoscope.training.step_loop import Device

KINDS: dict[str, tuple[type[Settings], Callable[..., Path]]] = {
    "counting": (ExperimentSettings, run_counting),
    "style_study": (StyleStudySettings, run_study),
    "paper_figures": (PaperFigureSettings, run_paper_figures),
    "release": (ReleaseSettings, run_release),
}
"""Settings and runner of each kind of experiment; `counting` where a file names none."""


def run(
    experiment: Path | Settings,
    out: Path | None = None,
    *,
    device: Device = "auto",
    workers: int = 1,
    overwrite: bool = False,
) -> Path:
    """Run an experiment from images to report; what an earlier call finished is not done again.

    Parameters
    ----------
    experiment
        Settings, or the YAML file that holds them; its field `kind` says which experiment it is.
    out
        Run folder; by default ``runs/NAME``.
    device
        Where networks run.
    workers
        Processes for stylising; the results are the same for any number.
    overwrite
        Begin anew: discard what an earlier run made in `out`.

    Returns
    -------
    pathlib.Path
        The report, ``report.html`` in the run folder; beside it ``results.json`` and
        ``results.md``.

    Raises
    ------
    SettingsError
        If the settings are of no known kind, or cannot be used.
    OutputError
        If the folder was begun with other settings, images or weights.
    AdaptoscopeError
        If an input cannot be used; what was finished stays and the next call goes on from there.
    """
    settings = experiment if isinstance(experiment, Settings) else load_experiment(experiment)
    for kind, runner in KINDS.values():
        if isinstance(settings, kind):
            return runner(settings, out, device=device, workers=workers, overwrite=overwrite)
    raise SettingsError(
        "These settings describe no experiment.",
        expected=f"settings of one of the kinds {', '.join(KINDS)}",
        found=type(settings).__name__,
        remedy="load them with `load_experiment`, or build one of these kinds",
    )


def load_experiment(path: Path) -> Settings:
    """Read the settings of an experiment of any kind.

    Raises
    ------
    SettingsError
        If the file is absent, is not YAML, names an unknown kind, or holds a field that cannot be
        used.
    """
    values: Any = read_settings(Path(path))
    name = values.get("kind", "counting") if isinstance(values, dict) else "counting"
    if not isinstance(name, str) or name not in KINDS:
        raise SettingsError(
            f"The experiment in {path} is of no known kind.",
            expected=f"`kind:` with one of {', '.join(KINDS)}",
            found=str(name),
            remedy="compare with a file in experiments/",
        )
    return settings_from(values, KINDS[name][0], origin=str(path))
