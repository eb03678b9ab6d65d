"""Run any kind of experiment from its settings file to its report."""

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from adaptoscope.errors import SettingsError, shortened
from adaptoscope.training.path_variables import expand_path
from adaptoscope.training.run_folder import ENVIRONMENT, RunFolder
from adaptoscope.training.settings import Settings, read_settings, settings_from

if TYPE_CHECKING:
    from adaptoscope.training.step_loop import Device


@dataclass(frozen=True)
class Kind:
    """A kind of experiment, by where its parts live: nothing is loaded that is not needed.

    Parameters
    ----------
    settings
        ``module:name`` of the class of its settings.
    runner
        Of the function that takes the settings and a `RunContext`, and returns the report.
    parts
        Of the names of what it makes in its run folder, or of a function from settings to them;
        simulated real images look after themselves.
    """

    settings: str
    runner: str
    parts: str

    def settings_class(self) -> type[Settings]:
        """Load the class of the settings; no network library comes with it."""
        loaded: type[Settings] = _load(self.settings)
        return loaded

    def parts_of(self, settings: Settings) -> set[str]:
        """Return what an experiment with these settings makes in its run folder."""
        parts: Iterable[str] | Callable[[Settings], Iterable[str]] = _load(self.parts)
        return set(parts(settings) if callable(parts) else parts)


KINDS: dict[str, Kind] = {
    "counting": Kind(
        "adaptoscope.pipeline.settings:ExperimentSettings",
        "adaptoscope.pipeline.experiment:run_counting",
        "adaptoscope.pipeline.settings:PARTS",
    ),
    "style_study": Kind(
        "experiments.style_study.settings:StyleStudySettings",
        "experiments.style_study.run:run_study",
        "experiments.style_study.settings:parts_of_study",
    ),
    "paper_figures": Kind(
        "experiments.paper_figures.settings:PaperFigureSettings",
        "experiments.paper_figures.run:run_paper_figures",
        "experiments.paper_figures.settings:PARTS",
    ),
    "stain_study": Kind(
        "experiments.stain_study.settings:StainStudySettings",
        "experiments.stain_study.study:run_stain_study",
        "experiments.stain_study.settings:PARTS",
    ),
    "release": Kind(
        "experiments.release.settings:ReleaseSettings",
        "experiments.release.run:run_release",
        "experiments.release.settings:PARTS",
    ),
}
"""Every kind of experiment by its name; `counting` where a file names none. Those of the folder
``experiments`` can be run from a source tree."""

SOURCE_TREE = Path(__file__).resolve().parents[3]
"""Holds ``experiments`` where the package runs from a clone."""

_PATHS = ("folder", "root", "images")


def run(
    experiment: Path | Settings,
    out: Path | None = None,
    *,
    device: "Device" = "auto",
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
    _refuse_missing_paths(settings)
    place = Path("runs") / settings.name if out is None else Path(out)
    if device not in ("auto", "cpu"):  # Only these can be absent; asking loads the network library.
        _start(device)
    parts = {*kind.parts_of(settings), *_earlier_parts(place)}
    anew = overwrite or _nothing_made(place)
    folder = RunFolder.open(place, settings, overwrite=anew, parts=parts)

    from adaptoscope.pipeline.run_context import RunContext

    report: Path = _load(kind.runner)(settings, RunContext(folder, device, workers, overwrite))
    return report


def _load(home: str) -> Any:
    module, _, name = home.partition(":")
    if module.startswith("experiments."):
        _reach_studies(module)
    return getattr(import_module(module), name)


def _reach_studies(module: str) -> None:
    """Let the studies of this very source tree be imported, and no other folder's code."""
    folder, tree = SOURCE_TREE / "experiments", str(SOURCE_TREE)
    if not (folder / "__init__.py").is_file():
        raise SettingsError(
            f"The study {module.split('.')[1]} is not installed.",
            expected="a clone of the project, whose folder experiments/ holds the code of studies",
            found="the package alone",
            remedy='clone the project and type there: pip install -e ".[train]"',
        )
    if tree not in sys.path:
        sys.path.append(tree)


def _start(device: "Device") -> None:
    from adaptoscope.training.step_loop import start_fabric

    start_fabric(device)


def _refuse_missing_paths(settings: Settings) -> None:
    """Refuse a path that leads nowhere, before anything is loaded or written."""
    for name, text in _paths_in(settings, ""):
        path = expand_path(text)
        if not path.exists():
            raise SettingsError(
                f"A path in the experiment leads nowhere: {path}.",
                expected=f"something that exists, for `{name}`",
                found="nothing",
                remedy="check the path; one that is not absolute counts from the working directory",
            )


def _paths_in(value: object, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, BaseModel):
        value = {field: getattr(value, field) for field in type(value).model_fields}
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        below = f"{name}.{key}" if name else str(key)
        if key in _PATHS and isinstance(inner, str):
            yield below, inner
        else:
            yield from _paths_in(inner, below)


def _kind_of(settings: Settings) -> Kind:
    kind = KINDS.get(str(getattr(settings, "kind", "")))
    if kind is not None and isinstance(settings, kind.settings_class()):
        return kind
    raise SettingsError(
        "These settings describe no experiment.",
        expected=f"settings of one of the kinds {', '.join(KINDS)}",
        found=type(settings).__name__,
        remedy="load them with `load_experiment`, or build one of these kinds",
    )


def _nothing_made(place: Path) -> bool:
    """Tell whether a run folder holds no more than a start that failed: it may begin anew."""
    begun = {"settings.yaml", ENVIRONMENT}
    return place.is_dir() and {each.name for each in place.iterdir()} <= begun


def _earlier_parts(place: Path) -> set[str]:
    """Return what the run made that was begun in a folder, perhaps with other settings."""
    try:
        earlier = load_experiment(place / "settings.yaml")
    except SettingsError:
        return set()
    return _kind_of(earlier).parts_of(earlier)


def load_experiment(path: Path) -> Settings:
    """Read the settings of an experiment of any kind.

    Where the file names another one as `base`, a path from its own folder, that one's fields stand
    for those that it does not give itself.

    Raises
    ------
    SettingsError
        If the file is absent, is not YAML, names an unknown kind, or holds a field that cannot be
        used.
    """
    values: Any = read_settings(Path(path))
    if isinstance(values, dict) and isinstance(values.get("base"), str):
        taken = read_settings(Path(path).parent / values.pop("base"))
        values = {**taken, **values} if isinstance(taken, dict) else values
    name = values.get("kind", "counting") if isinstance(values, dict) else "counting"
    if not isinstance(name, str) or name not in KINDS:
        raise SettingsError(
            f"The experiment in {path} is of no known kind.",
            expected=f"`kind:` with one of {', '.join(KINDS)}",
            found=shortened(str(name), 80),
            remedy="compare with a file in experiments/",
        )
    return settings_from(values, KINDS[name].settings_class(), origin=str(path))
