"""Run a study of styles from its settings to its report."""

from pathlib import Path

from adaptoscope.errors import SettingsError
from adaptoscope.pipeline.style_study.report import write_study
from adaptoscope.pipeline.style_study.settings import StyleStudySettings
from adaptoscope.pipeline.style_study.study import StyleStudy
from adaptoscope.training.run_folder import RunFolder
from adaptoscope.training.settings import load_settings
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
    place = Path("runs") / settings.name if out is None else Path(out)
    folder = RunFolder.open(
        place, settings, overwrite=overwrite, parts=_parts(settings) | _earlier_parts(place)
    )
    study = StyleStudy(settings, folder, device=device, workers=workers, overwrite=overwrite)
    if not (folder.path / "report.html").exists():
        folder.record_environment(start_fabric(device).device)
    return write_study(study, *study.measure())


def _parts(settings: StyleStudySettings) -> set[str]:
    """Return what a study makes in its run folder."""
    learnt = [f"style_{variant.slug}" for variant in settings.variants if variant.tokens]
    files = ("report.html", "results.json", "results.md", "trade_off.svg", "style.safetensors")
    layouts = (layout.name for layout in settings.layouts)
    return {*files, *layouts, *learnt, *(f"{name}.safetensors" for name in learnt)}


def _earlier_parts(place: Path) -> set[str]:
    """Return what the study made that was begun in a folder, perhaps with other settings."""
    try:
        return _parts(load_settings(place / "settings.yaml", StyleStudySettings))
    except SettingsError:
        return set()
