"""Whether a counter that was trained is nearer to the truth than the one that it began as."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from adaptoscope.counting.count_image import count_cells
from adaptoscope.counting.evaluate import evaluate_counter, refuse_seen
from adaptoscope.counting.model_folder import JUDGEMENT_FILE, CountingModel
from adaptoscope.counting.post_processing import DensityReading, DensitySurvey, choose_reading
from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.folds import Folds, split_by_fold
from adaptoscope.errors import InputError
from adaptoscope.imageio.files import write_json, write_text
from adaptoscope.imageio.json_values import read_json
from adaptoscope.metrics.intervals import Interval, bootstrap_interval
from adaptoscope.metrics.paired import LEAST_COMPARED

# Two-sided 5 % and 80 % power under a normal distribution: the usual choice of a sample size.
_DEVIATIONS = 1.960 + 0.842
# More than so many further images is no advice to anybody; by eye.
_MOST_ADVISED = 500
_HEADING = "## Beside the counter that it began as"


@dataclass(frozen=True)
class JudgedImage:
    """One image: its true count, that of the old counter, and that of a new one that left it out.

    Parameters
    ----------
    group
        Images of one group are in one fold and are resampled together.
    """

    image: str
    group: str
    fold: int
    true: float
    old: float
    new: float

    @property
    def gain(self) -> float:
        """Absolute error of the old counter minus that of the new one, in cells."""
        return abs(self.old - self.true) - abs(self.new - self.true)


@dataclass(frozen=True)
class Judgement:
    """Old and new counter on the same images, each counted by a new one that had not seen it.

    Parameters
    ----------
    old
        Name of the counter that the new one began as.
    mae_old, mae_new
        Mean absolute errors, in cells an image.
    gain, lower, upper
        Mean of the old absolute error minus the new one, with its 95 % interval; above 0 the new
        counter is nearer.
    groups
        Number of groups that were resampled; an image without a group is one of its own.
    further
        Images that are likely to be needed besides: a plain estimate, as `further_images`. None
        where it is decided already, or where nothing speaks for the new counter.
    """

    old: str
    images: tuple[JudgedImage, ...]
    folds: int
    groups: int
    mae_old: float
    mae_new: float
    gain: float
    lower: float
    upper: float
    further: int | None

    @property
    def better(self) -> bool:
        """Whether the interval says that the new counter is nearer to the truth."""
        return self.lower > 0 and self.groups >= LEAST_COMPARED

    @property
    def worse(self) -> bool:
        """Whether the interval says that the new counter is farther off."""
        return self.upper < 0 and self.groups >= LEAST_COMPARED

    def as_dict(self) -> dict[str, Any]:
        """Return the content of ``judgement.json``."""
        return {**asdict(self), "better": self.better, "worse": self.worse, "said": self.in_words()}

    def in_words(self) -> str:
        """Say in a few sentences which counter to take."""
        figures = (
            f"on {len(self.images)} images, each left out of the training that counted it, "
            f"{self.old} is {self.mae_old:.1f} cells off and the new counter {self.mae_new:.1f} "
            f"(difference {self.gain:+.1f}, 95 % interval {self.lower:+.1f} to {self.upper:+.1f})."
        )
        if self.better:
            return f"Better: {figures}"
        if self.worse:
            return f"Worse: {figures} Keep {self.old}."
        if self.groups < LEAST_COMPARED:
            return (
                f"Not decided: {figures} That takes at least {LEAST_COMPARED} images that "
                f"do not belong together; these are {self.groups}."
            )
        return f"Not decided: {figures} {self._advice()}"

    def _advice(self) -> str:
        if self.further is None:
            return "Nothing here suggests that more images like these would show it better."
        if self.further > _MOST_ADVISED:
            return (
                f"More than {_MOST_ADVISED} further images would be needed to tell (rough "
                f"estimate): keep {self.old}."
            )
        return (
            f"About {self.further} further images are likely to decide it: a rough estimate from "
            "how the differences scatter, for 80 % power, if the difference is truly as large."
        )


def judge_counter(
    old: CountingModel,
    new_of_fold: Callable[[int], CountingModel],
    images: CountedImageSet,
    folds: Folds,
    *,
    seed: int,
) -> Judgement:
    """Compare a counter with those that were trained without one fold each.

    Parameters
    ----------
    new_of_fold
        Returns the new counter that has not learnt from a fold.
    images
        Labelled images, divided by `folds`.
    seed
        Of the bootstrap.

    Raises
    ------
    LeakageError
        If the old counter was trained on one of the images.
    """
    before = {row.image: row for row in evaluate_counter(old, images).images}
    rows: list[JudgedImage] = []
    surveys: list[DensitySurvey | None] = []
    usual = DensityReading()
    for number in range(len(folds)):
        model = new_of_fold(number)
        usual = model.record.reading or usual
        for record in split_by_fold(images, folds, number).images_of("test"):
            image = images.read(record)
            refuse_seen(image, model.record.training_images, model.name)
            counted, known = count_cells(model, image), before[record.name]
            group = record.group or ""
            rows.append(
                JudgedImage(record.name, group, number, known.true, known.predicted, counted.count)
            )
            surveys.append(counted.survey)
    return judgement_of(old.name, _read_anew(rows, surveys, usual), folds=len(folds), seed=seed)


def _read_anew(
    rows: Sequence[JudgedImage], surveys: Sequence[DensitySurvey | None], usual: DensityReading
) -> list[JudgedImage]:
    """Read the densities of each fold as is best in the other folds.

    The counter that is kept reads its density as is best over all folds, and never as is best on
    what it has learnt from, where it is too sure of itself. So each image is judged by the same
    way of reading, without its own true count.
    """
    read = []
    for row, survey in zip(rows, surveys, strict=True):
        others = [
            (each, other.true)
            for each, other in zip(surveys, rows, strict=True)
            if each is not None and other.fold != row.fold
        ]
        if survey is None or not others:
            read.append(row)
            continue
        known, true = zip(*others, strict=True)
        reading = choose_reading(known, true, DensityReading(count=usual.count))
        read.append(replace(row, new=survey.read(reading)[0]))
    return read


def judgement_of(old: str, rows: Sequence[JudgedImage], *, folds: int, seed: int) -> Judgement:
    """Sum up judged images; whole groups are resampled, as images of one culture are alike."""
    if not rows:
        raise InputError("No image was judged.", expected="labelled images")
    groups: dict[object, list[float]] = {}
    for place, row in enumerate(rows):
        groups.setdefault(row.group or place, []).append(row.gain)
    gain = _mean_gain(list(groups.values()), seed)
    further = further_images([row.gain for row in rows], len(groups))
    decided = gain.lower > 0 or gain.upper < 0
    return Judgement(
        old=old,
        images=tuple(rows),
        folds=folds,
        groups=len(groups),
        mae_old=float(np.mean([abs(row.old - row.true) for row in rows])),
        mae_new=float(np.mean([abs(row.new - row.true) for row in rows])),
        gain=gain.value,
        lower=gain.lower,
        upper=gain.upper,
        further=None if decided else further,
    )


def _mean_gain(groups: Sequence[Sequence[float]], seed: int) -> Interval:
    sums = np.array([(sum(each), len(each)) for each in groups], np.float64)

    def mean(drawn: npt.NDArray[np.float64]) -> float:
        return float(drawn[:, 0].sum() / drawn[:, 1].sum())

    return bootstrap_interval(sums, mean, seed=seed)


def further_images(gains: Sequence[float], groups: int | None = None) -> int | None:
    """Estimate how many more images would show a difference, if it is as large as it looks.

    The sample size of a paired comparison: ``((1.960 + 0.842) * deviation / mean) ** 2`` images in
    all, for 80 % power at the two-sided 5 % level, under a normal distribution.

    Parameters
    ----------
    gains
        How much nearer the new counter was, image by image, in cells.
    groups
        Number of groups that the images are in; where they are fewer than the images, so many
        times more images are needed.

    Returns
    -------
    int or None
        At least 1; None where the mean is 0 or less, or nothing is known of the scatter.
    """
    values = np.asarray(gains, np.float64)
    if len(values) < 2 or values.mean() <= 0:
        return None
    in_all = float((_DEVIATIONS * values.std(ddof=1) / values.mean()) ** 2)
    in_all *= len(values) / (groups or len(values))
    if not math.isfinite(in_all):
        return None
    return max(1, math.ceil(in_all) - len(values))


def write_judgement(folder: Path, judgement: Judgement) -> None:
    """Keep a judgement in a model folder, and say it on its card."""
    card = folder / "README.md"
    text = card.read_text(encoding="utf-8").partition(_HEADING)[0].rstrip()
    write_text(card, f"{text}\n\n{_HEADING}\n\n{judgement.in_words()}\n")
    write_json(folder / JUDGEMENT_FILE, judgement.as_dict())


def read_judgement(folder: Path) -> dict[str, Any] | None:
    """Return the content of ``judgement.json``; None where a counter was not judged."""
    file = folder / JUDGEMENT_FILE
    if not file.is_file():
        return None
    content: dict[str, Any] = read_json(file.read_text(encoding="utf-8"))
    return content
