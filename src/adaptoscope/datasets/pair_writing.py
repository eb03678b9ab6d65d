"""Paired-stain folders, written so that a killed run goes on where it stopped."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adaptoscope.datasets.output_folder import RECORDS_FOLDER, begin_folder, image_file_name
from adaptoscope.datasets.pair_tables import gather_pairs
from adaptoscope.datasets.paired_stains import (
    PairedStainSet,
    PairRecord,
)
from adaptoscope.errors import InputError
from adaptoscope.imageio.files import (
    MicroscopyImage,
    read_header,
    write_image,
    write_json,
    write_mask,
)
from adaptoscope.images.cell_centres import check_points


class PairedStainWriter:
    """Writes a paired-stain folder, one field at a time.

    Parameters
    ----------
    settings
        Everything that the images depend on, as JSON can hold it.
    overwrite
        Begin anew a folder that an earlier run wrote.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, Any], title: str, *, overwrite: bool = False
    ) -> None:
        self.folder = Path(folder)
        self.title = title
        begin_folder(self.folder, settings, overwrite=overwrite)

    def has(self, name: str) -> bool:
        """Tell whether a field was written before, by this run or by a killed one.

        Parameters
        ----------
        name
            Name as given to `add`.

        Returns
        -------
        bool
            True if the field need not be made again.
        """
        return self._record_file(name).is_file()

    def add(
        self,
        name: str,
        given: NDArray[np.floating],
        stains: Mapping[str, NDArray[np.floating]],
        *,
        bit_depth: int = 8,
        points: ArrayLike | None = None,
        mask: NDArray[np.integer] | None = None,
        pixel_size_um: float | None = None,
        modality: str | None = None,
        split: str | None = None,
        group: str | None = None,
    ) -> list[PairRecord]:
        """Write one field: the given image and its stains.

        Parameters
        ----------
        name
            Base name without suffix.
        given
            Shape (H, W); 0 and 1 are the ends of the stored range.
        stains
            From name of the stain to its image, of the same shape.
        bit_depth
            8 or 16.
        points
            Cell centres, shape (N, 2), (row, column) in pixels; None if they are not known.
        mask
            Label image, shape (H, W), 0 for background.
        pixel_size_um
            Edge of a pixel in micrometres.
        modality, split, group
            Columns of ``pairs.csv``.

        Returns
        -------
        list of PairRecord
            One per stain.
        """
        return self._write(
            name,
            {"input": given},
            stains,
            {"input": modality},
            mask_name="input",
            bit_depth=bit_depth,
            points=points,
            mask=mask,
            pixel_size_um=pixel_size_um,
            split=split,
            group=group,
        )

    def add_views(
        self,
        name: str,
        views: Mapping[str, NDArray[np.floating]],
        stains: Mapping[str, NDArray[np.floating]],
        *,
        bit_depth: int = 8,
        points: ArrayLike | None = None,
        mask: NDArray[np.integer] | None = None,
        pixel_size_um: float | None = None,
        split: str | None = None,
        group: str | None = None,
    ) -> list[PairRecord]:
        """Write one field that was taken in several modalities, which share the stains.

        Parameters
        ----------
        name
            Base name without suffix.
        views
            From name of the modality to its image, shape (H, W).
        stains
            From name of the stain to its image, of the same shape.
        bit_depth, points, mask, pixel_size_um
            As in `add`.
        split, group
            Columns of ``pairs.csv``.

        Returns
        -------
        list of PairRecord
            One for each modality with each stain, modality by modality.
        """
        return self._write(
            name,
            views,
            stains,
            {modality: modality for modality in views},
            mask_name="nuclei",
            bit_depth=bit_depth,
            points=points,
            mask=mask,
            pixel_size_um=pixel_size_um,
            split=split,
            group=group,
        )

    def _write(
        self,
        name: str,
        views: Mapping[str, NDArray[np.floating]],
        stains: Mapping[str, NDArray[np.floating]],
        modalities: Mapping[str, str | None],
        *,
        mask_name: str,
        bit_depth: int,
        points: ArrayLike | None,
        mask: NDArray[np.integer] | None,
        pixel_size_um: float | None,
        split: str | None,
        group: str | None,
    ) -> list[PairRecord]:
        stem = Path(image_file_name(f"{name}.png")).stem
        shape = _common_shape(name, views, stains, mask)
        centres = None if points is None else check_points(points, shape, name=name).tolist()
        images = {**views, **stains}
        names = {key: image_file_name(f"{stem}_{_word(key)}.png") for key in images}
        for key, pixels in images.items():
            place = self.folder / "images" / names[key]
            write_image(place, pixels, bit_depth=bit_depth, pixel_size_um=pixel_size_um)
        mask_path = None if mask is None else f"masks/{stem}_{mask_name}.png"
        if mask is not None and mask_path is not None:
            write_mask(self.folder / mask_path, mask)
        pairs = [
            PairRecord(
                f"images/{names[view]}",
                f"images/{names[stain]}",
                stain=stain,
                modality=modalities[view],
                split=split,
                group=group,
                mask=mask_path,
            )
            for view in views
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
        """Gather the tables and the card; the folder is then complete.

        The records of the single fields are kept in ``records/``, so that `has` knows them.

        Parameters
        ----------
        card
            Markdown text: where the images come from, their licence and limits.

        Returns
        -------
        PairedStainSet
            The folder as a reader sees it.
        """
        return gather_pairs(self.folder, self.title, card)

    def _record(self, name: str, pairs: Sequence[PairRecord], centres: object) -> None:
        content = {"pairs": [dataclasses.asdict(pair) for pair in pairs], "points": centres}
        write_json(self._record_file(name), content)

    def _record_file(self, name: str) -> Path:
        stem = Path(image_file_name(f"{name}.png")).stem
        return self.folder / RECORDS_FOLDER / f"{stem}.json"


def _common_shape(
    name: str,
    views: Mapping[str, NDArray[np.floating]],
    stains: Mapping[str, NDArray[np.floating]],
    mask: NDArray[np.integer] | None,
) -> tuple[int, int]:
    """Return the shape that all images of a field have."""
    images = [*views.values(), *stains.values(), *([] if mask is None else [mask])]
    shapes = {image.shape for image in images}
    words = [_word(key) for key in (*views, *stains)]
    if not views or not stains or len(shapes) > 1 or len(set(words)) < len(words):
        found = ", ".join(
            f"{key} {image.shape}" for key, image in (*views.items(), *stains.items())
        )
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
