"""Run a study of styles from its settings to its report."""

from pathlib import Path

from adaptoscope.pipeline.run_context import RunContext
from experiments.style_study.report import write_study
from experiments.style_study.settings import StyleStudySettings
from experiments.style_study.study import StyleStudy


def run_study(settings: StyleStudySettings, context: RunContext) -> Path:
    """Run a study; what an earlier call finished is not done again.

    Parameters
    ----------
    settings
        The study.
    context
        Where and with what it runs.

    Returns
    -------
    pathlib.Path
        The report, ``report.html`` in the run folder.
    """
    study = StyleStudy(settings, context)
    study.open_images()
    context.record_environment()
    return write_study(study, *study.measure())
