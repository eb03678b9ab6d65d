"""The report of a study of layer matching: tables, curves by layer, and what would be chosen."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from adaptoscope.adaptation.baseline_settings import UNTOUCHED
from adaptoscope.adaptation.layer_choice.scores import CRITERIA, UNADAPTED, Candidate, choose_way
from adaptoscope.adaptation.layer_choice.settings import AutoSettings
from adaptoscope.imageio.files import write_json, write_text
from adaptoscope.pipeline.run_context import RunContext
from adaptoscope.reporting.figures import Picture
from adaptoscope.reporting.html import Paragraph, Report, settings_listing
from adaptoscope.reporting.tables import Table, markdown, number
from experiments.stain_study.layer_curves import (
    LayerCurve,
    MagnitudeCurve,
    layer_curves,
    magnitude_curves,
)
from experiments.stain_study.lines import Line, lines_of
from experiments.stain_study.one_run import RunTask, read_outcome, read_outputs
from experiments.stain_study.panels import panel_of_shift
from experiments.stain_study.settings import StainStudySettings
from experiments.stain_study.stages import StudyStages
from experiments.stain_study.summary import summary_table

_CAPTION = (
    "Pearson's correlation, a mean over fields and seeds: on val and test of the target, and what "
    "the adapted network still says on val of the source. The interval is over test fields; of "
    "a single field, the range over seeds. "
    "Healthy: seeds that did not run away, as told without labels. The oracle learns from target "
    "stains. SSIM, PSNR in decibels and NRMSE are means over test fields and stains. Montages of "
    "cells: correlation of the mean cell, of what is predicted beyond it, and of the total "
    "intensity from cell to cell."
)


def write_stain_study(
    settings: StainStudySettings,
    context: RunContext,
    stages: StudyStages,
    tasks: Sequence[RunTask],
) -> Path:
    """Write ``results.json``, ``results.md`` and ``report.html`` of a finished study.

    Returns
    -------
    pathlib.Path
        The report.
    """
    lines = lines_of(tasks)
    tables = [*(_shift_table(settings, shift.name, lines) for shift in settings.shifts)]
    choices = [_choices(shift.name, lines) for shift in settings.shifts]
    picked = _choice_table([each for each in choices if each])
    if picked is not None:
        tables.append(picked)
    together = summary_table([shift.name for shift in settings.shifts], lines)
    tables.append(together)
    write_json(
        context.path / "results.json",
        {
            "runs": [read_outcome(task) for task in tasks],
            "choices": [each for each in choices if each],
        },
    )
    write_text(context.path / "results.md", "\n\n".join(markdown(table) for table in tables))
    report = Report(settings.title, f"seeds {', '.join(map(str, settings.seeds))}")
    for shift, table in zip(settings.shifts, tables, strict=False):
        panel = panel_of_shift(stages, shift, _shown(shift.name, lines))
        report.add(shift.name, *_curves(shift.name, lines), panel, table)
    for curve in dict.fromkeys(shift.curve for shift in settings.shifts if shift.curve):
        report.add(curve, _magnitudes(settings, curve, lines))
    if picked is not None:
        report.add("The way chosen without labels", picked)
    report.add("All shifts", together)
    report.add("Settings", settings_listing(settings.model_dump(mode="json")))
    path = context.path / "report.html"
    report.write(path)
    return path


def _shift_table(settings: StainStudySettings, shift: str, lines: Sequence[Line]) -> Table:
    own = [line for line in lines if line.task.shift.name == shift]
    stains = list(own[0].outcomes[0]["test"])
    several_rates, few = len(settings.rates) > 1, bool(settings.target_images)
    rows = []
    for line in own:
        health = len(line.outcomes) - line.marked
        rows.append(
            (
                line.method,
                line.layers or "–",
                *([f"{line.task.rate:g}" if line.layers else "–"] if several_rates else []),
                *([str(line.task.target_images or "all")] if few else []),
                f"{health} of {len(line.outcomes)}",
                *(line.on(("val", "test", "source_val"), stain) for stain in stains),
                line.with_interval(),
                "  ".join(
                    number(line.figure(name), digits=digits)
                    for name, digits in (("ssim", 3), ("psnr", 1), ("nrmse", 3))
                ),
                *_beyond(line, stains, own[0]),
            )
        )
    columns: tuple[str, ...] = ("Method", "Layer")
    columns += (*(["Step size"] if several_rates else []), *(["Images"] if few else []))
    columns += ("Healthy",)
    columns += tuple(f"{stain}: val, test, source" for stain in stains)
    columns += ("mean, test [95 %]", "SSIM, PSNR, NRMSE")
    if own[0].task.shift.grid is not None:
        columns += tuple(f"{stain}: mean cell, beyond it, cells" for stain in stains)
    fields = max(len(outcome["test_fields"]) for line in own for outcome in line.outcomes)
    caption = f"{_CAPTION} Test fields: {fields}."
    return Table(columns, tuple(rows), text_columns=1, caption=caption)


def _beyond(line: Line, stains: Sequence[str], first: Line) -> list[str]:
    """Return the cells of the mean cell's columns, where the shift has them."""
    if first.task.shift.grid is None:
        return []
    names = ("pearson_of_mean_cell", "pearson_after_baseline", "pearson_of_cells")
    return [
        "  ".join(number(line.beyond(stain, name), digits=3) for name in names) for stain in stains
    ]


def _curves(shift: str, lines: Sequence[Line]) -> list[Any]:
    single = [line for line in _comparable(shift, lines) if len(line.task.layers) == 1]
    if len(single) < 2:
        return [Paragraph("Fewer than two layers were matched; there is no curve.", role="note")]
    stains = list(single[0].outcomes[0]["test"])
    curves = [
        LayerCurve(
            stain,
            {line.task.layers[0]: line.values("test", stain) for line in single},
            {
                line.task.method: line.mean("test", stain)
                for line in lines
                if line.task.shift.name == shift and line.task.method in ("none", "oracle")
            },
        )
        for stain in stains
    ]
    picture = layer_curves(curves, alt=f"Pearson's correlation by layer, {shift}")
    task = single[0].task
    if len(task.settings.rates) < 2:
        return [picture]
    said = f"The curve is that of step size {task.rate:g}, the first of those that were tried."
    return [picture, Paragraph(said, role="note")]


def _shown(shift: str, lines: Sequence[Line]) -> dict[str, Path]:
    """Return the networks that are shown: untouched, the best layer on val, the oracle.

    Those that ran to infinity were not written.
    """
    own = {line.task.method: line for line in lines if line.task.shift.name == shift}
    shown = {}
    if "none" in own:
        shown["unadapted"] = own["none"].task.folder
    comparable = _comparable(shift, lines)
    if comparable:
        best = max(comparable, key=lambda line: line.rank)
        shown[f"layer {best.layers}"] = best.task.folder
        better = max(_tried(shift, lines), key=lambda line: line.rank)
        shown[better.task.way.words] = better.task.folder
    if "oracle" in own:
        shown["oracle"] = own["oracle"].task.folder
    return {name: folder for name, folder in shown.items() if (folder / "model.json").exists()}


def _magnitudes(settings: StainStudySettings, curve: str, lines: Sequence[Line]) -> Picture:
    """Draw the mean over stains on test by magnitude: each layer, and what it is compared with."""
    values: dict[str, dict[float, float]] = {}
    for shift in settings.shifts:
        if shift.curve != curve or shift.magnitude is None:
            continue
        compared = [each for each in lines if each.task.shift.name == shift.name]
        for line in (
            *(each for each in compared if not each.layers and each.task.target_images is None),
            *_comparable(shift.name, lines),
        ):
            name = f"layer {line.layers}" if line.layers else line.method
            values.setdefault(name, {})[shift.magnitude] = line.overall("test")
    found = [MagnitudeCurve(name, each) for name, each in values.items()]
    return magnitude_curves(found, label=curve, alt=f"Pearson's correlation by {curve}")


def _comparable(shift: str, lines: Sequence[Line]) -> list[Line]:
    """Return the runs of a shift that differ by their layers alone: all images, the first rate."""
    own = [
        line
        for line in lines
        if line.task.shift.name == shift
        and line.task.method == "adversarial"
        and line.task.layers in line.task.settings.layers
        and not line.task.restyled
        and line.task.target_images is None
    ]
    return [line for line in own if line.task.rate == own[0].task.rate]


def _tried(shift: str, lines: Sequence[Line]) -> list[Line]:
    """Return the ways of a shift that are chosen among: those of `stain adapt`, or every layer."""
    layers = _comparable(shift, lines)
    usual = [line for line in layers if line.task.layers in AutoSettings().layers]
    tried = (usual if len(usual) > 1 else layers) + [
        line
        for line in lines
        if line.task.shift.name == shift and line.task.restyled and line.task.target_images is None
    ]
    # What ran to infinity is left out, as `stain adapt` does.
    return [line for line in tried if all(each["label_free"]["finite"] for each in line.outcomes)]


def _choices(shift: str, lines: Sequence[Line]) -> dict[str, object] | None:
    """Return what every criterion chooses among the ways of a shift, beside the best ones."""
    layers, tried = _comparable(shift, lines), _tried(shift, lines)
    if not layers or len(tried) < 2 or len(tried[0].outcomes) < 2:
        return None
    contrasts = {line.task.restyled for line in tried} - {""}
    candidates = [
        _candidate(
            line,
            way=line.task.way,
            healthy=[bool(outcome["healthy"]) for outcome in line.outcomes],
            # Every contrast that is plausible was learnt.
            clear=bool(line.task.restyled and not line.task.layers) and len(contrasts) == 1,
        )
        for line in tried
    ]
    by_way = {line.task.way: line for line in tried}
    content: dict[str, object] = {"shift": shift}
    own = {line.task.method: line for line in lines if line.task.shift.name == shift}
    for method in ("none", "oracle"):
        if method in own:
            content[method] = {"way": method, "test": own[method].overall("test")}
    untouched = own.get(UNTOUCHED[tried[0].task.shift.intensities], own.get("none"))
    if untouched is not None:
        by_way[UNADAPTED] = untouched
        candidates.append(_candidate(untouched, way=UNADAPTED, healthy=[True], votes=False))
    for name, among in (("best layer", layers), ("best way", tried)):
        best = max(among, key=lambda line: line.rank)
        content[name] = {"way": best.task.way.words, "test": best.overall("test")}
    for criterion in CRITERIA:
        way = choose_way(candidates, criterion)
        content[criterion] = {"way": way.words, "test": by_way[way].overall("test")}
    return content


def _candidate(line: Line, **said: Any) -> Candidate:
    """Return the networks of a line as they are chosen among."""
    outputs = [
        read_outputs(_with_seed(line.task, int(outcome["seed"]))) for outcome in line.outcomes
    ]
    measures = [
        {name: np.nan if value is None else value for name, value in each["label_free"].items()}
        for each in line.outcomes
    ]
    return Candidate(outputs=outputs, measures=measures, **said)


def _with_seed(task: RunTask, seed: int) -> RunTask:
    return dataclasses.replace(task, seed=seed)


def _choice_table(choices: Sequence[Mapping[str, Any]]) -> Table | None:
    if not choices:
        return None
    known = [name for name in ("none", "oracle") if name in choices[0]]
    names = ("best layer", "best way", *CRITERIA)
    rows = tuple(
        (
            str(each["shift"]),
            *(number(each[name]["test"], digits=3) for name in known),
            *(f"{each[name]['way']}: {number(each[name]['test'], digits=3)}" for name in names),
        )
        for each in choices
    )
    caption = (
        "Mean Pearson on test, of what is chosen: the best layer and the best way by the labels of "
        "val, the others without a label."
    )
    return Table(("Shift", *map(str.capitalize, (*known, *names))), rows, caption=caption)
