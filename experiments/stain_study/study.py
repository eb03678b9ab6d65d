"""Run a study of layer matching: every shift, method, layer, rate and seed, in parallel."""

from __future__ import annotations

import functools
from itertools import product
from pathlib import Path

from adaptoscope.bulk.tasks import run_tasks
from adaptoscope.pipeline.run_context import RunContext
from experiments.stain_study.one_run import OUTCOME, RunTask, run_task
from experiments.stain_study.report import write_stain_study
from experiments.stain_study.settings import StainStudySettings
from experiments.stain_study.stages import StudyStages


def run_stain_study(settings: StainStudySettings, context: RunContext) -> Path:
    """Run a study; what an earlier call finished is not done again.

    Parameters
    ----------
    settings
        The study.
    context
        Where and with what it runs; its workers share the adaptations.

    Returns
    -------
    pathlib.Path
        The report, ``report.html`` in the run folder.

    Raises
    ------
    OutputError
        If the folder was begun with other settings.
    AdaptoscopeError
        If an input cannot be used.
    """
    context.record_environment()
    stages = StudyStages(settings, context.path)
    with context.timed("source"):
        stages.prepare(context.device)
    tasks = tasks_of(settings, context, stages)
    with context.timed("adapt"):
        # What goes on from another run of the study comes after it.
        for later in (False, True):
            run_tasks(
                [task for task in tasks if (task.taught is not None) == later],
                run_task,
                done=lambda task: (task.folder / OUTCOME).exists(),
                workers=context.workers,
                description="adapt further" if later else "adapt",
                unit="run",
            )
    return write_stain_study(settings, context, stages, tasks)


def tasks_of(
    settings: StainStudySettings, context: RunContext, stages: StudyStages
) -> list[RunTask]:
    """Return every adaptation of a study, in the order of its lists."""
    rates = settings.rates or (settings.adaptation.learning_rate,)
    numbers = settings.target_images or (None,)
    begin = functools.partial(RunTask, context.path, settings, device=context.device)
    contrasts = [
        (shift, contrast)
        for shift in (settings.shifts if settings.restyled else ())
        for contrast in stages.look(shift).plausible
    ]
    compared = [
        begin(shift, method, (), 0.0, seed, None)
        for shift, method in product(settings.shifts, settings.baselines)
        for seed in (settings.seeds if method == "oracle" else settings.seeds[:1])
    ]
    taught = [
        begin(shift, "restyled", (), 0.0, seed, number, contrast)
        for (shift, contrast), number, seed in product(contrasts, numbers, settings.seeds)
    ]
    also = [
        begin(shift, each.method, each.layers, rates[0], seed, None)
        for shift, each, seed in product(settings.shifts, settings.also, settings.seeds)
    ]
    matched = [
        begin(shift, method, layers, rate, seed, number)
        for shift, method, layers, rate, number, seed in product(
            settings.shifts, settings.methods, settings.layers, rates, numbers, settings.seeds
        )
    ]
    further = [
        begin(shift, "adversarial", layers, rates[0], seed, number, contrast)
        for (shift, contrast), layers, number, seed in product(
            contrasts, settings.restyled_layers, numbers, settings.seeds
        )
    ]
    return [*compared, *also, *matched, *taught, *further]
