"""The commands behind the buttons, checked: a page sends names and numbers, never a command."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptoscope.counting.heads.table import bundled_counters
from adaptoscope.counting.judgement import read_judgement
from adaptoscope.errors import SettingsError, shortened
from adaptoscope.imageio.json_values import read_json
from adaptoscope.web.workspace import Workspace

COUNTERS = bundled_counters()
"""Counters that need no training."""


@dataclass(frozen=True)
class Command:
    """A command for `Jobs.add`: its arguments, and what it is called on the page."""

    kind: str
    title: str
    arguments: list[str]
    heavy: bool = False
    result: str = ""


def command_of(workspace: Workspace, kind: str, options: Mapping[str, Any]) -> Command:
    """Return the command that a button stands for.

    Parameters
    ----------
    workspace
        Whose images.
    kind
        A key of `KINDS`.
    options
        What is chosen on the page.
    """
    if kind not in KINDS:
        raise SettingsError("There is no such job.", expected=", ".join(KINDS), found=kind[:40])
    return KINDS[kind](workspace, options)


def trained_counters(workspace: Workspace) -> list[str]:
    """Return the names of the counters of a folder, less those that were not shown to be better."""
    folder = workspace.work / "counters"
    names = sorted(file.parent.name for file in folder.glob("*/model.json"))
    judged = {name: read_judgement(folder / name) for name in names}
    return [name for name in names if (judged[name] or {"better": True})["better"]]


def _count(workspace: Workspace, options: Mapping[str, Any]) -> Command:
    model = _one_of(options, "model", (*COUNTERS, *trained_counters(workspace)))
    out = workspace.work / "counts" / _new_name(model)
    place = model if model in COUNTERS else str(workspace.work / "counters" / model)
    arguments = ["count", "predict", str(workspace.images), "--model", place]
    arguments += ["--out", str(out / "counts.csv"), "--points", str(out / "points")]
    arguments += _numbers(options, ("diameter", "--diameter"), ("pixel_size_um", "--pixel-size-um"))
    arguments += _planes(options)
    if options.get("edges"):
        arguments += ["--edges", _one_of(options, "edges", ("visible", "centres"))]
    return Command("count", f"Count with {model}", arguments, result=str(out))


def _learn(workspace: Workspace, options: Mapping[str, Any]) -> Command:
    name = _new_name("own")
    out = workspace.work / "counters" / name
    arguments = ["count", "train", str(out), "--real", str(workspace.labels)]
    arguments += ["--root", str(workspace.images)]
    head = _one_of(options, "head", ("centres", "nuclei", "dog"))
    arguments += ["--head", head, "--judge"]
    arguments += ["--start", "nuclei"] if head == "centres" else []
    arguments += ["--folds", str(_whole(options, "folds", 2, 20))]
    arguments += _planes(options)
    return Command("learn", f"Learn from the finished images ({head})", arguments, True, str(out))


def _check(workspace: Workspace, options: Mapping[str, Any]) -> Command:
    model = _one_of(options, "model", (*COUNTERS, *trained_counters(workspace)))
    place = model if model in COUNTERS else str(workspace.work / "counters" / model)
    out = workspace.work / "checks" / _new_name(model)
    number = str(_whole(options, "number", 4, 10_000))
    arguments = ["count", "check", str(workspace.images), "--model", place, "--out", str(out)]
    # A seed of the hour: everybody's images are drawn anew, and the command says which.
    arguments += ["--n", number, "--seed", str(secrets.randbelow(10_000)), *_planes(options)]
    return Command("check", f"Draw images to check {model}", arguments, result=str(out))


def _bias(workspace: Workspace, options: Mapping[str, Any]) -> Command:
    table = check_table(workspace, str(options.get("check", "")))
    arguments = ["count", "check", str(workspace.images), "--hand-counts", str(table), "--json"]
    return Command("bias", "Tell the bias from the hand counts", arguments, result=str(table))


def check_table(workspace: Workspace, job: str) -> Path:
    """Return ``check.csv`` of a job by its id."""
    file = workspace.work / "jobs" / Path(job).name / "job.json"
    known = Path(job).name == job and file.is_file()
    result = Path(read_json(file.read_text(encoding="utf-8"))["result"]) if known else None
    if result is None or not (result / "check.csv").is_file():
        raise SettingsError("There is no such check.", expected="the id of one", found=job[:80])
    return result / "check.csv"


def _evaluate(workspace: Workspace, options: Mapping[str, Any]) -> Command:
    model = _one_of(options, "model", (*COUNTERS, *trained_counters(workspace)))
    place = model if model in COUNTERS else str(workspace.work / "counters" / model)
    report = workspace.work / "reports" / _new_name(model) / "report.html"
    arguments = ["count", "evaluate", place, str(workspace.labels), "--json"]
    arguments += ["--root", str(workspace.images), "--report", str(report)]
    return Command(
        "evaluate", f"Measure {model} on the finished images", arguments, False, str(report)
    )


KINDS: Mapping[str, Callable[[Workspace, Mapping[str, Any]], Command]] = {
    "count": _count,
    "learn": _learn,
    "evaluate": _evaluate,
    "check": _check,
    "bias": _bias,
}
"""What a page can ask for."""


def _new_name(begin: str) -> str:
    return f"{begin}-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"


def _one_of(options: Mapping[str, Any], name: str, known: tuple[str, ...]) -> str:
    value = str(options.get(name, known[0]))
    if value not in known:
        raise SettingsError(
            f"There is no such {name}.", expected=", ".join(known), found=shortened(value, 80)
        )
    return value


def _numbers(options: Mapping[str, Any], *names: tuple[str, str]) -> list[str]:
    arguments = []
    for name, option in names:
        value = options.get(name)
        if value in (None, ""):
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e6:
            raise SettingsError(f"{name} is no number that can be used.", expected="above 0")
        arguments += [option, f"{value:g}"]
    return arguments


def _planes(options: Mapping[str, Any]) -> list[str]:
    arguments = []
    if options.get("channel") not in (None, ""):
        arguments += ["--channel", str(_whole(options, "channel", 0, 1000))]
    if options.get("z") == "max":
        arguments += ["--z", "max"]
    elif options.get("z") not in (None, ""):
        arguments += ["--z", str(_whole(options, "z", 0, 100_000))]
    return arguments


def _whole(options: Mapping[str, Any], name: str, least: int, most: int) -> int:
    value = options.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise SettingsError(
            f"{name} is no number that can be used.",
            expected=f"{least} to {most}",
            found=str(value)[:40],
        )
    return value
