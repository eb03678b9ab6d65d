"""Begin a check of a counter by hand: count a folder and draw the images to count oneself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from adaptoscope.counting.audit import CHECK_FILE, COUNTS_FILE, counts_of
from adaptoscope.counting.audit_sample import draw_images
from adaptoscope.counting.audit_table import CheckRow, refuse_begun_check, write_check
from adaptoscope.counting.model_folder import CountingModel, load_counter
from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.errors import InputError
from adaptoscope.imageio.large_images import is_large
from adaptoscope.pipeline.count_folder import count_folder

if TYPE_CHECKING:
    from adaptoscope.inference.network import Device


@dataclass(frozen=True)
class BegunCheck:
    """A check whose hand counts are still to be filled in.

    Parameters
    ----------
    rows
        The images to count by hand, sorted by name.
    learnt_from
        Those of them that the counter was trained on, and so counts better than others.
    """

    counter: str
    rows: Sequence[CheckRow]
    learnt_from: Sequence[str]


def begin_check(
    model: str | Path | CountingModel,
    images: Path,
    out: Path,
    *,
    number: int = 10,
    flagged: int = 0,
    seed: int = 0,
    channel: int | None = None,
    z: int | Literal["max"] | None = None,
    device: Device = "auto",
    workers: int | None = 1,
    overwrite: bool = False,
    say: Callable[[str], object] | None = None,
) -> BegunCheck:
    """Count all images and choose those that are worth counting by hand.

    Images that could not be counted are in ``counts.csv`` only, with their error; nothing is said
    of them.

    Parameters
    ----------
    out
        Folder for ``counts.csv`` (all images) and ``check.csv`` (those to be counted by hand).
    number
        How many images to draw at random.
    flagged
        How many of the images that the counter doubts to take besides.
    workers, say
        As in `count_folder`, which goes on where a call that was stopped was.
    overwrite
        Replace a ``check.csv`` that is there already and in which nobody has counted.
    """
    refuse_begun_check(out / CHECK_FILE, overwrite=overwrite)
    rows = count_folder(
        images,
        model=model,
        out=out / COUNTS_FILE,
        channel=channel,
        z=z,
        device=device,
        workers=workers,
        overwrite=overwrite,
        say=say,
    ).rows
    as_written = counts_of(out / COUNTS_FILE)
    counted = [replace(row, count=as_written[row.image]) for row in rows if row.image in as_written]
    if not counted:
        raise InputError(
            f"No image of {images} could be counted.",
            expected="at least one",
            found=next((row.error for row in rows if row.error), "no image"),
            remedy=f"see the column error of {out / COUNTS_FILE}",
        )
    counter = model if isinstance(model, CountingModel) else load_counter(model, device="cpu")
    chosen = draw_images(counted, number, seed=seed, flagged=flagged)
    write_check(out / CHECK_FILE, chosen)
    return BegunCheck(counter.name, chosen, _learnt_from(counter, images, chosen, channel, z))


def _learnt_from(
    model: CountingModel,
    images: Path,
    rows: Sequence[CheckRow],
    channel: int | None,
    z: int | Literal["max"] | None,
) -> list[str]:
    known = model.record.training_images
    if not known:
        return []
    chosen = {row.image for row in rows}
    opened = open_counted_images(images, channel=channel, z=z)
    records = [
        record for record in opened if record.name in chosen and not is_large(opened.size(record))
    ]
    return [record.name for record in records if opened.read(record).sha256 in known]
