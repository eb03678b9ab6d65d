"""What benchmarks of quality read: the run folder of an experiment, which is made where absent."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptoscope.errors import AdaptoscopeError, InputError
from adaptoscope.pipeline.rows import NAMES
from adaptoscope.pipeline.run import load_experiment, run
from adaptoscope.pipeline.settings import ExperimentSettings
from adaptoscope.training.settings import Settings

EXPERIMENTS = Path(__file__).parents[1] / "experiments"


@dataclass(frozen=True)
class FinishedRun:
    """A finished experiment.

    Parameters
    ----------
    path
        Its run folder.
    settings
        What it was run with.
    results
        Content of ``results.json``.
    """

    path: Path
    settings: Settings
    results: dict[str, Any]

    @property
    def looks(self) -> dict[str, Any]:
        """Content of ``looks.json``, which counting experiments write where they are asked to."""
        return self._read("looks.json") if (self.path / "looks.json").exists() else {}

    @property
    def machine(self) -> str:
        """The machine that the run was computed on."""
        known = self._read("environment.json")
        return (
            f"{known['processor']} {known['system']}, {known['cpus']} cores, "
            f"{known['torch_threads']} threads, {known['device']}, Python {known['python']}, "
            f"PyTorch {known['packages']['torch']}"
        )

    def _read(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.path / name).read_text("utf-8"))
        return found


@dataclass(frozen=True)
class StylisedSets:
    """Names of the sets of images in a run that others are compared with.

    Parameters
    ----------
    ours
        Stylised as the experiment does by default.
    adain
        Stylised by AdaIN without diffusion; empty if there is no such set.
    layout
        Name of the drawings that all sets of a study share; empty in a counting experiment.
    """

    ours: str
    adain: str
    layout: str = ""


def stylised_sets(found: FinishedRun, variant: str | None, layout: str | None) -> StylisedSets:
    """Tell which images of a run are ours and which are AdaIN's.

    Parameters
    ----------
    found
        A study of styles, or a counting experiment with ``looks``.
    variant, layout
        Of a study; by default the first ones.

    Raises
    ------
    InputError
        If the run is of another kind, or has no such variant or layout.
    """
    settings: Any = found.settings
    if settings.kind == "style_study":
        plain = [each.name for each in settings.variants if settings.how(each).inversion == "none"]
        return StylisedSets(
            _one_of(found, "variant", variant, [each.name for each in settings.variants]),
            plain[0] if plain else "",
            _one_of(found, "layout", layout, [each.name for each in settings.layouts]),
        )
    if not isinstance(settings, ExperimentSettings) or not found.looks:
        raise refusal(found, "a study of styles, or a counting experiment with `looks`", "neither")
    shown = NAMES["stylised"]
    return StylisedSets(shown, NAMES["adain"] if settings.needs("adain") else "")


def _one_of(found: FinishedRun, kind: str, name: str | None, known: list[str]) -> str:
    if name is not None and name not in known:
        raise refusal(found, f"as --{kind} one of {', '.join(known)}", name)
    return known[0] if name is None else name


def refusal(found: FinishedRun, expected: str, instead: str) -> InputError:
    """Return the error that says why a run does not serve."""
    return InputError(
        f"The run in {found.path} does not hold what this benchmark reads.",
        expected=expected,
        found=instead,
        remedy="name another run folder as --run, or another settings file as --experiment",
    )


def open_run(path: Path) -> FinishedRun:
    """Open a finished run.

    Raises
    ------
    SettingsError
        If the folder holds no run.
    InputError
        If it is not finished.
    """
    found = FinishedRun(path, load_experiment(path / "settings.yaml"), {})
    if not (path / "results.json").exists():
        raise refusal(found, "results.json", "a run that is not finished")
    results = json.loads((path / "results.json").read_text("utf-8"))
    return FinishedRun(path, found.settings, results)


def ratio(figure: float, reference: float) -> float | None:
    """Return figure / reference; none where an estimate of the reference is not above 0."""
    return figure / reference if reference > 0 else None


def run_options(description: str, experiment: str) -> argparse.ArgumentParser:
    """Return a parser with the options that all benchmarks of a run share.

    Parameters
    ----------
    description
        What the benchmark measures.
    experiment
        The settings file in ``experiments/`` that is run where no run folder is given.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--run", type=Path, help="run folder; by default runs/NAME; made if absent")
    parser.add_argument(
        "--experiment", type=Path, default=EXPERIMENTS / experiment, help="what is run if absent"
    )
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    parser.add_argument("--workers", type=int, default=1)
    return parser


def benchmark_run(
    parser: argparse.ArgumentParser,
    measure: Callable[[FinishedRun, argparse.Namespace], dict[str, Any]],
) -> None:
    """Open the run folder, run the experiment first where it is absent, and print what it holds.

    Parameters
    ----------
    parser
        From `run_options`.
    measure
        Returns at least ``figure``, ``reference`` and ``ratio``.
    """
    arguments = parser.parse_args()
    try:
        place = (
            arguments.run
            or Path("runs") / load_experiment(arguments.experiment).model_dump()["name"]
        )
        if not (place / "results.json").exists():
            run(arguments.experiment, place, device=arguments.device, workers=arguments.workers)
        found = open_run(place)
        result = measure(found, arguments) | {"machine": found.machine}
    except AdaptoscopeError as error:
        sys.exit(str(error))
    print_result(result, as_json=arguments.json)


def in_data(name: str) -> Path:
    """Return the folder of a set that the shipped settings name, in $ADAPTOSCOPE_DATA."""
    return Path(os.path.expandvars(f"$ADAPTOSCOPE_DATA/{name}"))


def print_result(result: dict[str, Any], *, as_json: bool) -> None:
    """Print one JSON object, or lines for a person; ``table`` is a row of numbers by name."""
    if as_json:
        print(json.dumps(result))
        return
    for name, row in result.get("table", {}).items():
        cells = (f"{key} {_in_words(value)}" for key, value in row.items() if value is not None)
        print(f"{name:>44}: {', '.join(cells)}")
    for name, value in result.items():
        if name != "table":
            print(f"{name:>20}: {_in_words(value)}")


def _in_words(value: object) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name} {_in_words(each)}" for name, each in value.items())
    if isinstance(value, list):
        return f"[{', '.join(map(_in_words, value))}]"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
