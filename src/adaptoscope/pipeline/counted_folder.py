"""What comes of counting a folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from adaptoscope.counting.count_table import CountSummary, PredictedCount

if TYPE_CHECKING:
    from adaptoscope.counting.hand_counts import Calibrated
    from adaptoscope.pipeline.verdict import Verdict


@dataclass(frozen=True)
class CountedFolder:
    """What came of counting a folder.

    Parameters
    ----------
    rows
        Those of ``counts.csv``, in the order of the files; an image's regions follow it.
    summary
        The same in a few figures.
    left_out
        What of the folders was not looked at, one sentence for each.
    adaptation
        What came of adapting the counter, if that was asked for.
    calibrated
        What hand counts said, if the counter was calibrated by some.
    """

    counter: str
    rows: list[PredictedCount]
    summary: CountSummary
    places: Mapping[str, Path] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    adaptation: "Verdict | None" = None
    calibrated: "Calibrated | None" = None
