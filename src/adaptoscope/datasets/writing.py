"""Counted-image folders, written so that a killed run goes on where it stopped."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adaptoscope.datasets.counted_images import CountedImageSet, open_counted_images
from adaptoscope.datasets.listing import read_listing
from adaptoscope.datasets.output_folder import RECORDS_FOLDER, SetWriter, image_file_name
from adaptoscope.datasets.point_tables import write_points
from adaptoscope.datasets.records import RECORD_COLUMNS, ImageRecord, image_record
from adaptoscope.errors import InputError, OutputError
from adaptoscope.imageio.csv_tables import write_table
from adaptoscope.imageio.files import (
    write_image,
    write_json,
    write_mask,
    write_text,
)
from adaptoscope.images.cell_centres import Points, as_points, check_points, no_points

_STATISTICS = "## Statistics\n\n"


class CountedImageWriter(SetWriter):
    """Writes a counted-image folder, one image at a time; parameters as `SetWriter`."""

    def __init__(
        self, folder: Path, settings: Mapping[str, Any], title: str, *, overwrite: bool = False
    ) -> None:
        super().__init__(folder, settings, title, overwrite=overwrite)
        finished = (self.folder / "metadata.csv").is_file()
        earlier = read_listing(self.folder, None) if finished else None
        self._earlier: dict[str, tuple[ImageRecord, Points]] = {}
        if earlier is not None:
            self._earlier = {
                record.stem: (record, earlier.centres.get(record.file_name, no_points()))
                for record in earlier.records
            }
            self._remove_stale_records()

    def has(self, name: str) -> bool:
        """Tell whether an image was written before, by this run or by a killed one."""
        return Path(image_file_name(name)).stem in self._earlier or super().has(name)

    def add(
        self,
        name: str,
        pixels_unit: NDArray[np.floating],
        *,
        bit_depth: int = 8,
        points: ArrayLike | None,
        mask: NDArray[np.integer] | None = None,
        pixel_size_um: float | None = None,
        **record_fields: Any,
    ) -> ImageRecord:
        """Write one image with what is known of it, and return its row.

        Parameters
        ----------
        name
            Base name; ``.png`` is added unless it ends in ``.png`` or ``.tif``.
        pixels_unit
            Shape (H, W); 0 and 1 are the ends of the stored range, values beyond are clipped.
        bit_depth
            8 or 16.
        points
            Cell centres, shape (N, 2), (row, column) in pixels; None if they are not known.
        mask
            Label image, shape (H, W), 0 for background; None if there is none.
        pixel_size_um
            Edge of a pixel in micrometres.
        **record_fields
            Further columns of ``metadata.csv``, as in `ImageRecord`. Size, count, density, bit
            depth, intensity constants and hash are filled in where they are not given.

        Raises
        ------
        InputError
            If the pixels are not finite, a centre lies outside, or the mask does not fit.
        OutputError
            If the name is not possible or another image has it.
        """
        file_name = image_file_name(name)
        self._refuse_namesake(file_name)
        shape = (pixels_unit.shape[0], pixels_unit.shape[-1])
        centres = None if points is None else check_points(points, shape, name=file_name)
        if mask is not None and mask.shape != shape:
            raise InputError(
                f"The mask of {file_name} does not fit its image.",
                expected=f"shape {shape}",
                found=f"shape {mask.shape}",
                remedy="leave the mask out or cut it as the image was cut",
            )
        place = self.folder / "images" / file_name
        digest = write_image(place, pixels_unit, bit_depth=bit_depth, pixel_size_um=pixel_size_um)
        fields = _derived_fields(shape, bit_depth, centres, digest)
        fields |= {"pixel_size_um": pixel_size_um}
        fields |= {key: value for key, value in record_fields.items() if value is not None}
        record = ImageRecord(file_name=f"images/{file_name}", **fields)
        image_record(dataclasses.asdict(record), place)
        if mask is not None:
            write_mask(self.folder / "masks" / f"{record.stem}.png", mask)
        listed = None if centres is None else centres.tolist()
        content = {"record": dataclasses.asdict(record), "points": listed}
        write_json(self._record_file(file_name), content)
        return record

    def finish(self, card: str) -> CountedImageSet:
        """Gather the tables and the card; the folder is then complete, and is returned opened.

        The card is Markdown text: where the images come from, their licence and limits. The title
        stands before it and statistics after it. Rejected images are in the set.
        """
        written = self._gather()
        if not written:
            raise OutputError(
                f"No image was written to {self.folder}.",
                expected="at least one image",
                found="none",
                remedy="ask for more than 0 images",
            )
        records = [record for record, _ in written]
        if any(record.labelled for record in records):
            labelled = [(record.name, points) for record, points in written if record.labelled]
            write_points(self.folder / "points.csv", labelled)
        self._write_card(card, _statistics(records))
        # Last, as its presence says that the folder is complete.
        _write_records(self.folder, records)
        self._remove_partial_files()
        shutil.rmtree(self.folder / RECORDS_FOLDER, ignore_errors=True)
        return open_counted_images(self.folder, include_rejected=True)

    def _refuse_namesake(self, file_name: str) -> None:
        for suffix in (".png", ".tif", ".tiff"):
            other = f"{Path(file_name).stem}{suffix}"
            if other != file_name and (self.folder / "images" / other).is_file():
                raise OutputError(
                    f"The images {other} and {file_name} would share their mask and record.",
                    expected="names that differ in more than the suffix",
                    found=f"{other} in {self.folder}",
                    remedy="rename one of the images",
                )

    def _remove_stale_records(self) -> None:
        """Remove what a writer left that was killed in `finish`: the table has these images."""
        records = self.folder / RECORDS_FOLDER
        for stem in self._earlier:
            self._record_file(stem).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            records.rmdir()

    def _gather(self) -> list[tuple[ImageRecord, Points]]:
        found = dict(self._earlier)
        for content in self._records():
            record = ImageRecord(**content["record"])
            if record.stem not in self._earlier:
                found[record.stem] = (record, as_points(content["points"] or []))
        return sorted(found.values(), key=lambda pair: pair[0].file_name)


def rewrite_records(
    folder: Path, records: Sequence[ImageRecord], notes: Sequence[str] = ()
) -> None:
    """Replace the rows of a finished folder, whole or not at all, and the statistics of its card.

    The notes are sentences below the statistics, in place of those of an earlier call.
    """
    rows = sorted(records, key=lambda record: record.file_name)
    card = folder / "README.md"
    if card.is_file():
        text, heading, _ = card.read_text("utf-8").partition(_STATISTICS)
        if heading:
            write_text(card, text + _statistics(rows, notes))
    _write_records(folder, rows)


def rewrite_points(folder: Path, points: Mapping[str, Points]) -> None:
    """Replace the centres of a finished folder, as many as before, by name of labelled image."""
    write_points(folder / "points.csv", sorted(points.items()))


def _write_records(folder: Path, records: Sequence[ImageRecord]) -> None:
    rows = [record.cells() for record in records]
    write_table(folder / "metadata.csv", RECORD_COLUMNS, rows)


def _derived_fields(
    shape: tuple[int, int], bit_depth: int, centres: Points | None, digest: str
) -> dict[str, Any]:
    height, width = shape
    count = None if centres is None else len(centres)
    return {
        "count": count,
        "labelled": centres is not None,
        "height": height,
        "width": width,
        "bit_depth": bit_depth,
        "intensity_low": 0.0,
        "intensity_high": float(2**bit_depth - 1),
        "cells_per_mpx": None if count is None else count / (height * width) * 1e6,
        "source_sha256": digest,
    }


def _statistics(records: Sequence[ImageRecord], notes: Sequence[str] = ()) -> str:
    counts = np.array([record.count for record in records if record.count is not None])
    rejected = sum(record.kept is False for record in records)
    sizes = sorted({f"{record.height} x {record.width}" for record in records})
    lines = [
        f"- Images: {len(records)}, of these {rejected} rejected by screening (`kept` is false).",
        f"- Size (height x width, pixels): {', '.join(sizes)}.",
    ]
    if counts.size:
        lines.append(
            f"- Cells: {counts.sum()} in {counts.size} images with a count; per image mean "
            f"{counts.mean():.1f}, sd {counts.std():.1f}, min {counts.min()}, max {counts.max()}."
        )
    synthetic = {record.synthetic for record in records}
    kinds = {True: "synthetic", False: "real", None: "not said whether real or synthetic"}
    lines.append(f"- Origin: {', '.join(sorted(kinds[kind] for kind in synthetic))}.")
    lines += [f"- {note}" for note in notes]
    return _STATISTICS + "\n".join(lines) + "\n"
