"""Run a counting experiment from its settings to its report."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.pipeline.counting_stage import run_row
from adaptoscope.pipeline.image_stages import CONTROL, ImageStages
from adaptoscope.pipeline.looks import compare_looks
from adaptoscope.pipeline.provenance import inputs_of
from adaptoscope.pipeline.report import write_report
from adaptoscope.pipeline.settings import FOLDERS, ExperimentSettings
from adaptoscope.style_transfer.screening.screen import ScreeningSummary
from adaptoscope.training.run_folder import RunFolder
from adaptoscope.training.step_loop import Device, start_fabric

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
    "drawings",
)
"""What the stages leave in a run folder, besides simulated images, which look after themselves."""


def run_counting(
    settings: ExperimentSettings,
    out: Path | None = None,
    *,
    device: Device = "auto",
    workers: int = 1,
    overwrite: bool = False,
) -> Path:
    """Run every stage of an experiment; what an earlier call finished is not done again.

    Parameters
    ----------
    settings
        The experiment.
    out
        Run folder; by default ``runs/NAME``.
    device
        Where networks are trained.
    workers
        Processes for stylising; the results are the same for any number.
    overwrite
        Begin anew: discard what an earlier run made in `out`.

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
    computes = any(row.method == "regressor" for row in settings.rows)
    place = start_fabric(device).device if computes else "cpu"
    folder = RunFolder.open(
        Path("runs") / settings.name if out is None else Path(out),
        settings,
        overwrite=overwrite,
        parts=PARTS,
    )
    stages = ImageStages(
        settings,
        folder.path,
        workers=workers,
        overwrite=overwrite,
        device=device if computes else "cpu",
    )
    with _timed(folder, "real images"):
        real = stages.real()
        folder.keep_named_inputs(inputs_of(stages, real))
    if not (folder.path / "report.html").exists():
        folder.record_environment(place)
    results, untrained, screening = [], [], dict[str, ScreeningSummary]()
    for row in settings.rows:
        if row.synthetic in ("stylised", "adain") and not screening:
            screening = _stylised_and_screened(stages, real, folder)
        elif row.synthetic is not None:
            with _timed(folder, row.synthetic):
                stages.synthetic(row.synthetic, real)
        made = FOLDERS[row.synthetic] if row.synthetic else ""
        if made in screening and screening[made].kept == 0:
            untrained.append(row.name)
            continue
        with _timed(folder, row.name):
            results.append(run_row(settings, row, real, folder.path, device))
    looks = None
    if settings.looks is not None:
        with _timed(folder, "looks"):
            looks = compare_looks(stages, real, device)
    return write_report(settings, folder.path, real, results, screening, untrained, looks)


def _stylised_and_screened(
    stages: ImageStages, real: CountedImageSet, folder: RunFolder
) -> dict[str, ScreeningSummary]:
    """Make the stylised images and their control, when the first row asks for them."""
    screening = {}
    with _timed(folder, "drawings"):
        drawings = stages.drawings(real)
    with _timed(folder, "style"):
        style = stages.style(real)
    with _timed(folder, "stylise"):
        screening["stylised"] = stages.screened(stages.stylised(style), drawings)
    if stages.settings.adain_control or stages.settings.needs("adain"):
        with _timed(folder, "stylise, control"):
            screening[CONTROL] = stages.screened(stages.adain_control(style), drawings)
    return screening


@contextmanager
def _timed(folder: RunFolder, stage: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    folder.record_timing(stage, time.perf_counter() - started)
