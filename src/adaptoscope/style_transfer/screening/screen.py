"""Screen a set of stylised images: one image is one task that may be repeated.

Verdicts are kept beside the images until all are there, so that a killed screening goes on.
"""

import functools
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from adaptoscope.bulk.tasks import run_tasks
from adaptoscope.datasets.counted_images import CountedImageSet, ImageRecord
from adaptoscope.datasets.output_folder import VERDICTS_FOLDER
from adaptoscope.datasets.writing import rewrite_points, rewrite_records
from adaptoscope.metrics.point_matching import pooled_f1
from adaptoscope.style_transfer.made_from_drawings import pairs_with_drawings
from adaptoscope.style_transfer.screening.screen_image import Screened, known_share, screen_image
from adaptoscope.style_transfer.screening.verdict_files import (
    digest_of,
    read_verdict,
    write_verdict,
)
from adaptoscope.style_transfer.settings import ScreeningSettings

_ERRORS = {
    "invented": "false_positives",
    "lost": "false_negatives",
    "merged": "merges",
    "divided": "splits",
}
_MOVED = (
    "Points: moved by screening to where the cells were found in these images; those not found are "
    "where they were drawn. Masks were not moved."
)


@dataclass(frozen=True)
class ScreeningTask:
    """One stylised image and its drawing, each as a set of its own."""

    stylised: CountedImageSet
    drawing: CountedImageSet

    @property
    def record(self) -> ImageRecord:
        """The stylised image."""
        return self.stylised.records[0]

    @property
    def name(self) -> str:
        """Base name of the stylised image."""
        return self.record.name


@dataclass(frozen=True)
class ScreeningSummary:
    """Screening of a set.

    Shares are over all cells of all images, kept and rejected together, and None where there is
    none; `f1_drawings` is the same detector's F1 on the drawings, `f1_kept` that over the kept
    images, `rejects` the number of rejected images by reason. Merged cells are a part of the lost,
    divided ones of the invented.
    """

    n: int
    kept: int
    precision: float | None
    recall: float | None
    f1: float | None
    rejects: dict[str, int]
    f1_drawings: float | None
    f1_kept: float | None
    invented: float | None
    lost: float | None
    merged: float | None
    divided: float | None

    @property
    def kept_share(self) -> float:
        """Share of the images that were kept."""
        return self.kept / self.n

    def as_dict(self) -> dict[str, object]:
        """Return the figures under the names that ``screen --json`` prints."""
        return {"n": self.n, "kept": self.kept, "yield": self.kept_share, **asdict(self)}


def screen_set(
    stylised: CountedImageSet,
    drawings: CountedImageSet,
    settings: ScreeningSettings,
    *,
    workers: int = 1,
) -> ScreeningSummary:
    """Judge every stylised image and write the verdicts into its ``metadata.csv``.

    Points become those of the drawings, moved if `settings.correct_points` asks for it, so that the
    result does not depend on an earlier screening. Card and ``points.csv`` are written before
    ``metadata.csv``; masks stay as they are. The files are the same for any number of workers, and
    a screening that was stopped goes on where it was.

    Parameters
    ----------
    stylised, drawings
        Stylised images, rejected ones included, whose column ``layout`` names the drawing.
    """
    folder = Path(stylised.folder)
    tasks = [
        ScreeningTask(stylised.only(record), drawings.only(drawing))
        for record, drawing in pairs_with_drawings(stylised, drawings)
    ]
    screened = run_tasks(
        tasks,
        functools.partial(_screen_task, settings=settings, kept=folder / VERDICTS_FOLDER),
        workers=workers,
        description="screen",
        unit="image",
    )
    points = {item.record.name: item.points for item in screened if item.record.labelled}
    if points:
        rewrite_points(folder, points)
    notes = (_MOVED,) if settings.correct_points else ()
    rewrite_records(folder, [item.record for item in screened], notes)
    shutil.rmtree(folder / VERDICTS_FOLDER, ignore_errors=True)
    return _summarise(screened)


def _screen_task(task: ScreeningTask, settings: ScreeningSettings, kept: Path) -> Screened:
    record, drawing = task.record, task.drawing.records[0]
    image, drawn = task.stylised.read(record), task.drawing.read(drawing)
    points, mask = task.drawing.points(drawing), task.stylised.mask(record)
    path = kept / f"{record.stem}.json"
    inputs = digest_of(record, image.sha256, drawn.sha256, points, mask, settings)
    earlier = read_verdict(path, inputs, record)
    if earlier is not None:
        return earlier
    screened = screen_image(record, image.pixels, drawn.pixels, points, mask, settings)
    write_verdict(path, inputs, screened)
    return screened


def _summarise(screened: Iterable[Screened]) -> ScreeningSummary:
    """Gather the verdicts of a set."""
    items = list(screened)
    kept = [item for item in items if item.record.kept]
    pairs = sum(len(item.stylised.pairs) for item in items)
    found = pairs + sum(item.stylised.false_positives for item in items)
    drawn = pairs + sum(item.stylised.false_negatives for item in items)
    reasons = Counter(item.record.reject_reason for item in items if not item.record.kept)
    return ScreeningSummary(
        n=len(items),
        kept=len(kept),
        precision=pairs / found if found else None,
        recall=pairs / drawn if drawn else None,
        f1=known_share(pooled_f1([item.stylised for item in items])),
        f1_drawings=known_share(pooled_f1([item.drawing for item in items])),
        f1_kept=known_share(pooled_f1([item.stylised for item in kept])),
        rejects={str(reason): number for reason, number in sorted(reasons.items(), key=str)},
        **{name: _share_of(items, error, drawn) for name, error in _ERRORS.items()},
    )


def _share_of(items: Iterable[Screened], error: str, drawn: int) -> float | None:
    return sum(getattr(item.stylised, error) for item in items) / drawn if drawn else None
