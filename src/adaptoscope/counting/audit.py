"""How far a counter is off on somebody's own images, from a few that were counted by hand.

First the counter counts all images and some are drawn to be counted by hand; then the hand counts
tell the counter's bias and the true total, with their intervals.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from adaptoscope.counting.audit_table import (
    CheckRow,
    read_check,
    refuse_uncounted,
    shortened,
)
from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.errors import InputError
from adaptoscope.imageio.csv_tables import parse_float, read_table
from adaptoscope.metrics.difference_estimator import Stratum, corrected_total
from adaptoscope.metrics.intervals import Interval

COUNTS_FILE = "counts.csv"
CHECK_FILE = "check.csv"


@dataclass(frozen=True)
class CheckResult:
    """What the hand counts say of a counter on a set of images.

    `found` is its number of cells in all images, `total` the estimate of the true one.
    """

    images: int
    counted_by_hand: int
    found: float
    total: Interval

    @property
    def bias(self) -> Interval:
        """Cells that the counter finds too many over all images; below 0, too few."""
        return Interval(
            self.found - self.total.value,
            self.found - self.total.upper,
            self.found - self.total.lower,
            self.total.level,
        )

    @property
    def bias_percent(self) -> Interval | None:
        """The bias in per cent of the true total; None where that may be 0."""
        if not self.total.lower > 0:
            return None
        value, lower, upper = (
            100 * (self.found - true) / true
            for true in (self.total.value, self.total.upper, self.total.lower)
        )
        return Interval(value, lower, upper, self.total.level)

    def sentence(self) -> str:
        """Say it in words."""
        if self.images == self.counted_by_hand:
            return self._exact_sentence()
        corrected = (
            f"corrected total {_cells(self.total.value)} "
            f"[{_cells(self.total.lower)}, {_cells(self.total.upper)}]"
        )
        share = self.bias_percent
        if share is None:
            said = f"{self.bias.value:+.1f} cells off"
        else:
            way = "too few" if share.value < 0 else "too many"
            said = f"{abs(share.value):.1f} % {way} [{share.lower:+.1f}, {share.upper:+.1f}]"
        text = (
            f"Over your {self.images} images the counter finds {said}; {corrected}. "
            f"From hand counts of {self.counted_by_hand} of them, "
            f"{100 * self.total.level:.0f} % interval."
        )
        if self.total.lower == self.total.upper:
            text += " All hand counts differ from the counter alike, so no spread could be seen."
        return text

    def _exact_sentence(self) -> str:
        """Say it where nothing is estimated."""
        off, total = self.bias.value, self.total.value
        way = "too few" if off < 0 else "too many"
        said = f"{abs(off):.1f} cells {way}" + (
            f" ({100 * abs(off) / total:.1f} %)" if total > 0 else ""
        )
        return (
            f"Over your {self.images} images the counter finds {said}; "
            f"true total {_cells(total)}, exact: all images were counted by hand."
        )

    def as_dict(self) -> dict[str, object]:
        """Return the result as plain values under names that do not change."""
        bias, share = self.bias, self.bias_percent
        return {
            "images": self.images,
            "counted_by_hand": self.counted_by_hand,
            "found": self.found,
            "corrected_total": self.total.value,
            "corrected_total_interval": [self.total.lower, self.total.upper],
            "bias_total": bias.value,
            "bias_total_interval": [bias.lower, bias.upper],
            "bias_per_image": bias.value / self.images,
            "bias_per_image_interval": [bias.lower / self.images, bias.upper / self.images],
            "bias_percent": None if share is None else share.value,
            "bias_percent_interval": None if share is None else [share.lower, share.upper],
            "level": self.total.level,
            "sentence": self.sentence(),
        }


def finish_check(images: Path, check: Path, *, level: float = 0.95) -> CheckResult:
    """Estimate the true number of cells in all images from those that were counted by hand.

    ``check.csv`` has all hand counts filled in; ``counts.csv`` lies beside it.
    """
    rows = read_check(check)
    refuse_uncounted(rows, check)
    counts = counts_of(check.parent / COUNTS_FILE)
    _refuse_other_images(images, check, counts, rows)
    return check_result(rows, counts, level=level)


def check_result(
    rows: Sequence[CheckRow], counts: Mapping[str, float], *, level: float = 0.95
) -> CheckResult:
    """Estimate the true number of cells in all images; ``counts`` has the counter's of each."""
    strata = []
    for name in dict.fromkeys(row.stratum for row in rows):
        members = [row for row in rows if row.stratum == name]
        differences = [float(row.hand_count or 0) - counts[row.image] for row in members]
        strata.append(Stratum(members[0].stratum_images, np.array(differences)))
    found = sum(counts.values())
    total = corrected_total(found, strata, level=level)
    seen = float(sum(row.hand_count or 0 for row in rows))
    lower = max(total.lower, min(seen, total.value))
    return CheckResult(
        images=len(counts),
        counted_by_hand=len(rows),
        found=found,
        total=Interval(total.value, lower, total.upper, level),
    )


def counts_of(path: Path) -> dict[str, float]:
    """Read what the counter found in every image that it could count."""
    table = read_table(path)
    table.require("image", "count")
    read = {row["image"]: parse_float(row["count"], "count", path) for row in table.rows}
    return {name: count for name, count in read.items() if count is not None}


def _refuse_other_images(
    images: Path, check: Path, counts: Mapping[str, float], rows: Sequence[CheckRow]
) -> None:
    """Refuse tables of other images, or of another run of the counter."""
    present = {record.name for record in open_counted_images(images)}
    strangers = sorted({row.image for row in rows} - (present & set(counts)))
    strangers = strangers or sorted(set(counts) - present)
    if strangers:
        raise InputError(
            f"The hand counts in {check} are not of the images in {images}.",
            expected="images of this folder",
            found=shortened(strangers),
            remedy="name the folder that was counted, or begin the check again",
        )
    # A spreadsheet may have rounded the counts in the last digits.
    other = [row.image for row in rows if not np.isclose(counts[row.image], row.count, rtol=1e-4)]
    sizes = {row.stratum: row.stratum_images for row in rows}
    if other or sum(sizes.values()) != len(counts):
        found = f"other counts for {shortened(other)}" if other else f"{len(counts)} counted images"
        raise InputError(
            f"The table {check} does not belong to the {COUNTS_FILE} beside it.",
            expected=f"counts of one run, over {sum(sizes.values())} images",
            found=found,
            remedy="restore both files as they were written together, or begin the check again",
        )


def _cells(number: float) -> str:
    return f"{number:,.0f}"
