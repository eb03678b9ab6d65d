"""Run any kind of experiment from its settings file to its report."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptoscope.errors import SettingsError
from adaptoscope.pipeline.experiment import PARTS as COUNTING_PARTS
from adaptoscope.pipeline.experiment import run_counting
from adaptoscope.pipeline.paper_figures.run import PARTS as FIGURE_PARTS
from adaptoscope.pipeline.paper_figures.run import run_paper_figures
from adaptoscope.pipeline.paper_figures.settings import PaperFigureSettings
from adaptoscope.pipeline.release.run import PARTS as RELEASE_PARTS
from adaptoscope.pipeline.release.run import run_release
from adaptoscope.pipeline.release.settings import ReleaseSettings
from adaptoscope.pipeline.run_context import RunContext
from adaptoscope.pipeline.settings import ExperimentSettings
from adaptoscope.pipeline.stain_study.settings import StainStudySettings
from adaptoscope.pipeline.stain_study.stages import PARTS as STUDY_PARTS
from adaptoscope.pipeline.stain_study.study import run_stain_study
from adaptoscope.pipeline.style_study.run import parts_of_study, run_study
from adaptoscope.pipeline.style_study.settings import StyleStudySettings
from adaptoscope.training.run_folder import RunFolder
from adaptoscope.training.settings import Settings, read_settings, settings_from
from adaptoscope.training.step_loop import Device, start_fabric


@dataclass(frozen=True)
class Kind:
    """A kind of experiment.

    Parameters
    ----------
    settings
        Class of its settings.
    runner
        Takes the settings and a `RunContext`, and returns the report.
    parts
        From settings to the names of what it makes in its run folder, besides simulated real
        images, which look after themselves.
    """

    settings: type[Settings]
    runner: Callable[..., Path]
    parts: Callable[..., Iterable[str]]


KINDS: dict[str, Kind] = {
    "counting": Kind(ExperimentSettings, run_counting, lambda _: COUNTING_PARTS),
    "style_study": Kind(StyleStudySettings, run_study, parts_of_study),
    "paper_figures": Kind(PaperFigureSettings, run_paper_figures, lambda _: FIGURE_PARTS),
    "stain_study": Kind(StainStudySettings, run_stain_study, lambda _: STUDY_PARTS),
    "release": Kind(ReleaseSettings, run_release, lambda _: RELEASE_PARTS),
}
"""Every kind of experiment by its name; `counting` where a file names none."""


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
    settings: Any = experiment if isinstance(experiment, Settings) else load_experiment(experiment)
    kind = _kind_of(settings)
    start_fabric(device)
    place = Path("runs") / settings.name if out is None else Path(out)
    parts = {*kind.parts(settings), *_earlier_parts(place)}
    folder = RunFolder.open(place, settings, overwrite=overwrite, parts=parts)
    return kind.runner(settings, RunContext(folder, device, workers, overwrite))


def _kind_of(settings: Settings) -> Kind:
    for kind in KINDS.values():
        if isinstance(settings, kind.settings):
            return kind
    raise SettingsError(
        "These settings describe no experiment.",
        expected=f"settings of one of the kinds {', '.join(KINDS)}",
        found=type(settings).__name__,
        remedy="load them with `load_experiment`, or build one of these kinds",
    )


def _earlier_parts(place: Path) -> set[str]:
    """Return what the run made that was begun in a folder, perhaps with other settings."""
    try:
        earlier = load_experiment(place / "settings.yaml")
    except SettingsError:
        return set()
    return set(_kind_of(earlier).parts(earlier))


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
    return settings_from(values, KINDS[name].settings, origin=str(path))
