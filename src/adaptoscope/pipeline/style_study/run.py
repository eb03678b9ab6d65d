"""Run a study of styles from its settings to its report."""

from pathlib import Path

from adaptoscope.pipeline.style_study.report import write_study
from adaptoscope.pipeline.style_study.settings import StyleStudySettings
from adaptoscope.pipeline.style_study.study import StyleStudy
from adaptoscope.training.run_folder import RunFolder
from adaptoscope.training.step_loop import Device, start_fabric


def run_study(
    settings: StyleStudySettings,
    out: Path | None = None,
    *,
    device: Device = "auto",
    workers: int = 1,
    overwrite: bool = False,
) -> Path:
    """Run a study; what an earlier call finished is not done again.

    Parameters
    ----------
    settings
        The study.
    out
        Run folder; by default ``runs/NAME``.
    device
        Where networks run.
    workers
        Processes for stylising.
    overwrite
        Begin anew.

    Returns
    -------
    pathlib.Path
        The report, ``report.html`` in the run folder.
    """
    parts = [
        "report.html",
        "results.json",
        "results.md",
        "trade_off.svg",
        *(layout.name for layout in settings.layouts),
        *_styles(settings),
    ]
    folder = RunFolder.open(
        Path("runs") / settings.name if out is None else Path(out),
        settings,
        overwrite=overwrite,
        parts=parts,
    )
    study = StyleStudy(settings, folder, device=device, workers=workers, overwrite=overwrite)
    if not (folder.path / "report.html").exists():
        folder.record_environment(start_fabric(device).device)
    return write_study(study, *study.measure())


def _styles(settings: StyleStudySettings) -> list[str]:
    learnt = [f"style_{variant.slug}" for variant in settings.variants if variant.tokens]
    return ["style.safetensors", *learnt, *(f"{name}.safetensors" for name in learnt)]
