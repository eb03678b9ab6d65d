"""Paired-stain folders, written so that a killed run goes on where it stopped."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adaptoscope.datasets.output_folder import SetWriter, image_file_name
from adaptoscope.datasets.paired_stains import (
    PAIR_COLUMNS,
    PairedStainSet,
    PairRecord,
    open_paired_stains,
)
from adaptoscope.datasets.point_tables import write_points
from adaptoscope.errors import InputError, OutputError
from adaptoscope.imageio.csv_tables import write_table
from adaptoscope.imageio.files import (
    MicroscopyImage,
    read_header,
    write_image,
    write_json,
    write_mask,
)
from adaptoscope.images.cell_centres import as_points, check_points


class FieldFacts(TypedDict, total=False):
    """What may be known of a field besides its images.

    Bit depth (8 or 16; 8), cell centres (shape (N, 2), (row, column) in pixels), a label image
    (shape (H, W), 0 for background), the edge of a pixel in micrometres, and columns of
    ``pairs.csv``.
    """

    bit_depth: int
    points: ArrayLike | None
    mask: NDArray[np.integer] | None
    pixel_size_um: float | None
    split: str | None
    group: str | None


class PairedStainWriter(SetWriter):
    """Writes a paired-stain folder, one field at a time; parameters as `SetWriter`."""

    def has(self, name: str) -> bool:
        """Tell whether a field was written before, by this run or by a killed one."""
        return super().has(f"{name}.png")

    def add(
        self,
        name: str,
        given: NDArray[np.floating],
        stains: Mapping[str, NDArray[np.floating]],
        *,
        modality: str | None = None,
        **facts: Unpack[FieldFacts],
    ) -> list[PairRecord]:
        """Write one field, and return one record per stain.

        Parameters
        ----------
        name
            Base name without suffix.
        given
            Shape (H, W); 0 and 1 are the ends of the stored range.
        stains
            From name of the stain to its image, of the same shape.
        **facts
            As in `FieldFacts`.
        """
        return self._write(name, {"input": (modality, given)}, stains, "input", **facts)

    def add_views(
        self,
        name: str,
        views: Mapping[str, NDArray[np.floating]],
        stains: Mapping[str, NDArray[np.floating]],
        **facts: Unpack[FieldFacts],
    ) -> list[PairRecord]:
        """Write one field in several modalities, by name, which share the stains.

        As `add`; one record for each modality with each stain, modality by modality.
        """
        named = {modality: (modality, view) for modality, view in views.items()}
        return self._write(name, named, stains, "nuclei", **facts)

    def _write(
        self,
        name: str,
        views: Mapping[str, tuple[str | None, NDArray[np.floating]]],
        stains: Mapping[str, NDArray[np.floating]],
        mask_name: str,
        **facts: Unpack[FieldFacts],
    ) -> list[PairRecord]:
        images = {**{key: view for key, (_, view) in views.items()}, **stains}
        points, mask = facts.get("points"), facts.get("mask")
        stem = Path(image_file_name(f"{name}.png")).stem
        shape = _common_shape(name, len(views), len(stains), images, mask)
        centres = None if points is None else check_points(points, shape, name=name).tolist()
        paths = {key: f"images/{image_file_name(f'{stem}_{_word(key)}.png')}" for key in images}
        depth, size = facts.get("bit_depth", 8), facts.get("pixel_size_um")
        for key, pixels in images.items():
            write_image(self.folder / paths[key], pixels, bit_depth=depth, pixel_size_um=size)
        mask_path = None if mask is None else f"masks/{stem}_{mask_name}.png"
        if mask is not None and mask_path is not None:
            write_mask(self.folder / mask_path, mask)
        pairs = [
            PairRecord(
                paths[view],
                paths[stain],
                stain=stain,
                modality=modality,
                split=facts.get("split"),
                group=facts.get("group"),
                mask=mask_path,
            )
            for view, (modality, _) in views.items()
            for stain in stains
        ]
        self._record(name, pairs, centres)
        return pairs

    def add_pairs(
        self,
        name: str,
        pairs: Sequence[PairRecord],
        images: Mapping[str, Callable[[], MicroscopyImage]],
        *,
        masks: Mapping[str, Callable[[], NDArray[np.integer]]] | None = None,
        points: ArrayLike | None = None,
    ) -> None:
        """Write the pairs of one given image, which may share their images with other pairs.

        Parameters
        ----------
        name
            Base name of the given image without suffix, by which `has` knows the pairs.
        pairs
            Rows of ``pairs.csv`` of one given image, as ``images/x.png`` and ``masks/x.png``.
        images, masks
            What makes each file that the pairs name. It is asked only where the file does not
            stand yet, so that what several pairs share is made once.
        points
            Cell centres, shape (N, 2), (row, column) in pixels; None if they are not known.
        """
        for path, make in images.items():
            place = self.folder / "images" / image_file_name(PurePosixPath(path).name)
            if not place.is_file():
                image = make()
                depth, size = image.scale.bit_depth, image.pixel_size_um
                write_image(place, image.pixels, bit_depth=depth, pixel_size_um=size)
        for path, make_mask in (masks or {}).items():
            place = self.folder / "masks" / image_file_name(PurePosixPath(path).name)
            if not place.is_file():
                write_mask(place, make_mask())
        centres = None
        if points is not None:
            header = read_header(self.folder / pairs[0].input)
            centres = check_points(points, (header.height, header.width), name=name).tolist()
        self._record(name, pairs, centres)

    def finish(self, card: str) -> PairedStainSet:
        """Gather the tables and the card; the folder is then complete, and is returned opened.

        The card is Markdown text: where the images come from, their licence and limits. The records
        of the single fields are kept in ``records/``, so that `has` knows them.
        """
        fields = list(self._records())
        if not fields:
            raise OutputError(
                f"No image pair was written to {self.folder}.",
                expected="at least one field",
                found="none",
                remedy="ask for more than 0 fields",
            )
        pairs = [PairRecord(**pair) for field in fields for pair in field["pairs"]]
        marked = [
            (given, as_points(field["points"]))
            for field in fields
            if field["points"] is not None
            for given in dict.fromkeys(Path(pair["input"]).name for pair in field["pairs"])
        ]
        if marked:
            write_points(self.folder / "points.csv", marked)
        self._write_card(
            card, f"## Statistics\n\n- Fields: {len(fields)}; image pairs: {len(pairs)}.\n"
        )
        rows = [[getattr(pair, column) for column in PAIR_COLUMNS] for pair in pairs]
        write_table(self.folder / "pairs.csv", PAIR_COLUMNS, rows)
        self._remove_partial_files()
        return open_paired_stains(self.folder)

    def _record(self, name: str, pairs: Sequence[PairRecord], centres: object) -> None:
        content = {"pairs": [dataclasses.asdict(pair) for pair in pairs], "points": centres}
        write_json(self._record_file(f"{name}.png"), content)


def _common_shape(
    name: str,
    views: int,
    stains: int,
    images: Mapping[str, NDArray[np.floating]],
    mask: NDArray[np.integer] | None,
) -> tuple[int, int]:
    """Return the shape that the images of a field have."""
    shapes = {image.shape for image in (*images.values(), *([] if mask is None else [mask]))}
    words = {_word(key) for key in images}
    if not views or not stains or len(shapes) > 1 or len(words) < views + stains:
        found = ", ".join(f"{key} {image.shape}" for key, image in images.items())
        raise InputError(
            f"The images of the field {name} do not fit each other.",
            expected="a given image and a stain at least, all of one shape, each with its own name",
            found=(found or "no image") + ("" if mask is None else f", mask {mask.shape}"),
            remedy="cut all images of a field to the same size and name each differently",
        )
    shape = shapes.pop()
    return shape[0], shape[-1]


def _word(name: str) -> str:
    return re.sub(r"[^\w-]+", "_", name)
