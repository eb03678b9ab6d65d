"""Run a counting experiment from its settings to its report."""

from pathlib import Path

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.pipeline.counting_stage import run_row
from adaptoscope.pipeline.image_stages import CONTROL, ImageStages
from adaptoscope.pipeline.looks import compare_looks
from adaptoscope.pipeline.provenance import inputs_of
from adaptoscope.pipeline.report import write_report
from adaptoscope.pipeline.run_context import RunContext
from adaptoscope.pipeline.settings import FOLDERS, ExperimentSettings
from adaptoscope.style_transfer.screening.screen import ScreeningSummary
from adaptoscope.training.step_loop import Device

PARTS = (
    "report.html",
    "results.json",
    "results.md",
    "looks.json",
    "matched_percentiles",
    "matched_histogram",
    "matched_blur_noise",
    "simulation",
    "simulation.yaml",
    "counts",
    "models",
    "stylised_screening.json",
    f"{CONTROL}_screening.json",
    "stylised",
    CONTROL,
    "style.safetensors",
    "style",
    "drawings",
)
"""What the stages leave in a run folder, besides simulated images, which look after themselves."""


def run_counting(settings: ExperimentSettings, context: RunContext) -> Path:
    """Run every stage of an experiment; what an earlier call finished is not done again.

    Parameters
    ----------
    settings
        The experiment.
    context
        Where and with what it runs.

    Returns
    -------
    pathlib.Path
        The report, ``report.html`` in the run folder.

    Raises
    ------
    OutputError
        If the folder was begun with other settings, images or weights.
    AdaptoscopeError
        If an input cannot be used; what was finished stays and the next call goes on from there.
    """
    device: Device = context.device
    if not any(row.learns for row in settings.rows):
        device = "cpu"
    stages = ImageStages(
        settings,
        context.path,
        workers=context.workers,
        overwrite=context.overwrite,
        device=device,
    )
    with context.timed("real images"):
        real = stages.real()
        context.folder.keep_named_inputs(inputs_of(stages, real))
    context.record_environment("cpu" if device == "cpu" else None)
    results, untrained, screening = [], [], dict[str, ScreeningSummary]()
    for row in settings.rows:
        if row.synthetic in ("stylised", "adain") and not screening:
            screening = _stylised_and_screened(stages, real, context)
        elif row.synthetic is not None:
            with context.timed(row.synthetic):
                stages.synthetic(row.synthetic, real)
        made = FOLDERS[row.synthetic] if row.synthetic else ""
        if made in screening and screening[made].kept == 0:
            untrained.append(row.name)
            continue
        with context.timed(row.name):
            results.append(run_row(settings, row, real, context.path, device))
    looks = None
    if settings.looks is not None:
        with context.timed("looks"):
            looks = compare_looks(stages, real, device)
    return write_report(settings, context.path, real, results, screening, untrained, looks)


def _stylised_and_screened(
    stages: ImageStages, real: CountedImageSet, context: RunContext
) -> dict[str, ScreeningSummary]:
    """Make the stylised images and their control, when the first row asks for them."""
    screening = {}
    with context.timed("drawings"):
        drawings = stages.drawings(real)
    with context.timed("style"):
        style = stages.style(real)
    with context.timed("stylise"):
        screening["stylised"] = stages.screened(stages.stylised(style), drawings)
    if stages.settings.adain_control or stages.settings.needs("adain"):
        with context.timed("stylise, control"):
            screening[CONTROL] = stages.screened(stages.adain_control(style), drawings)
    return screening
