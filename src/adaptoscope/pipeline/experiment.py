"""Run a counting experiment from its settings to its report."""

from dataclasses import dataclass
from pathlib import Path

from adaptoscope.pipeline.counting_stage import RowResult, pooled, run_row
from adaptoscope.pipeline.image_stages import CONTROL, ImageStages
from adaptoscope.pipeline.protocols import Round, rounds_of
from adaptoscope.pipeline.provenance import inputs_of
from adaptoscope.pipeline.real_images import open_undivided_images
from adaptoscope.pipeline.realism_of_sets import compare_looks
from adaptoscope.pipeline.report import write_report
from adaptoscope.pipeline.results import RunResults
from adaptoscope.pipeline.rows import FOLDERS
from adaptoscope.pipeline.run_context import RunContext
from adaptoscope.pipeline.settings import ExperimentSettings
from adaptoscope.style_transfer.screening.screen import ScreeningSummary
from adaptoscope.training.step_loop import Device


def run_counting(settings: ExperimentSettings, context: RunContext) -> Path:
    """Run every stage of an experiment; what an earlier call finished is not done again.

    Parameters
    ----------
    context
        Where and with what it runs.

    Returns
    -------
    pathlib.Path
        The report, ``report.html`` in the run folder.
    """
    device: Device = context.device
    if not any(row.learns for row in settings.rows):
        device = "cpu"
    with context.timed("real images"):
        real = open_undivided_images(
            settings.real, context.path / "real", overwrite=context.overwrite
        )
        rounds = rounds_of(settings.protocol, real, context.path)
        context.folder.keep_named_inputs(inputs_of(settings, real))
    context.record_environment("cpu" if device == "cpu" else None)
    parts = [_run_round(settings, one, context, device) for one in rounds]
    trained = [row for row in settings.rows if all(row.name in part.results for part in parts)]
    made = RunResults(
        rounds=rounds,
        results=tuple(pooled([part.results[row.name] for part in parts]) for row in trained),
        screening={
            f"{name}, {one.name}" if one.name else name: summary
            for one, part in zip(rounds, parts, strict=True)
            for name, summary in part.screening.items()
        },
        untrained=tuple(row.name for row in settings.rows if row not in trained),
    )
    looks = None
    if settings.looks is not None:
        with context.timed("looks"):
            looks = compare_looks(parts[0].stages, rounds[0].real, device)
    return write_report(settings, context.path, made, looks)


@dataclass(frozen=True)
class _RoundParts:
    """What one division of the real images came to; rows that had nothing to learn from lack."""

    stages: ImageStages
    results: dict[str, RowResult]
    screening: dict[str, ScreeningSummary]


def _run_round(
    settings: ExperimentSettings, one: Round, context: RunContext, device: Device
) -> _RoundParts:
    stages = ImageStages(
        settings, one.folder, shared=context.path, workers=context.workers, device=device
    )
    found = _RoundParts(stages, {}, {})
    for number, row in enumerate(settings.rows, start=1):
        if row.synthetic in ("stylised", "adain") and not found.screening:
            found.screening.update(_stylised_and_screened(stages, one, context))
        made = FOLDERS.get(row.synthetic or "", "")
        if made in found.screening and found.screening[made].kept == 0:
            continue
        synthetic = None
        if row.synthetic is not None:
            with context.timed(_named(row.synthetic, one)):
                synthetic = stages.synthetic(row.synthetic, one.real)
        shown = _named(f"row {number} of {len(settings.rows)} ({row.name})", one)
        with context.timed(_named(row.name, one), shown):
            found.results[row.name] = run_row(settings, row, one, synthetic, device)
    return found


def _named(stage: str, one: Round) -> str:
    return f"{stage}, {one.name}" if one.name else stage


def _stylised_and_screened(
    stages: ImageStages, one: Round, context: RunContext
) -> dict[str, ScreeningSummary]:
    """Make the stylised images and their control, when the first row asks for them."""
    screening = {}
    with context.timed(_named("drawings", one)):
        drawings = stages.drawings(one.real)
    with context.timed(_named("style", one)):
        style = stages.style(one.real)
    with context.timed(_named("stylise", one)):
        screening["stylised"] = stages.screened(stages.stylised(style), drawings)
    if stages.settings.adain_control or stages.settings.needs("adain"):
        with context.timed(_named("stylise, control", one)):
            screening[CONTROL] = stages.screened(stages.adain_control(style), drawings)
    return screening
