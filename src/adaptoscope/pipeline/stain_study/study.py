"""Run a study of layer matching: every shift, method, layer, rate and seed, in parallel."""

from __future__ import annotations

from itertools import product
from pathlib import Path

from adaptoscope.bulk.tasks import run_tasks
from adaptoscope.pipeline.run_context import RunContext
from adaptoscope.pipeline.stain_study.one_run import OUTCOME, RunTask, run_task
from adaptoscope.pipeline.stain_study.report import write_stain_study
from adaptoscope.pipeline.stain_study.settings import StainStudySettings
from adaptoscope.pipeline.stain_study.stages import StudyStages


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
    tasks = tasks_of(settings, context)
    with context.timed("adapt"):
        run_tasks(
            tasks,
            run_task,
            done=lambda task: (task.folder / OUTCOME).exists(),
            workers=context.workers,
            description="adapt",
        )
    return write_stain_study(settings, context, stages, tasks)


def tasks_of(settings: StainStudySettings, context: RunContext) -> list[RunTask]:
    """Return every adaptation of a study, in the order of its lists."""
    rates = settings.rates or (settings.adaptation.learning_rate,)
    numbers = settings.target_images or (None,)
    compared = [
        RunTask(context.path, settings, shift, method, (), 0.0, seed, None, context.device)
        for shift, method in product(settings.shifts, settings.baselines)
        for seed in (settings.seeds if method == "oracle" else settings.seeds[:1])
    ]
    return compared + [
        RunTask(context.path, settings, shift, method, layers, rate, seed, number, context.device)
        for shift, method, layers, rate, number, seed in product(
            settings.shifts, settings.methods, settings.layers, rates, numbers, settings.seeds
        )
    ]
