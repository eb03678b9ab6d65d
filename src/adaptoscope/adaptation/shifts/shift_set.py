"""A folder of image pairs as another microscope would show them, the truth with it."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from adaptoscope.adaptation.shifts.linear_light import LinearLight
from adaptoscope.adaptation.shifts.magnification import magnify, magnify_labels, magnify_points
from adaptoscope.adaptation.shifts.overexposure import saturated_share
from adaptoscope.adaptation.shifts.table import ShiftSettings, shift_given
from adaptoscope.datasets.fingerprint import fingerprint_of_pairs
from adaptoscope.datasets.pair_writing import PairedStainWriter
from adaptoscope.datasets.paired_stains import PairedStainSet, PairRecord
from adaptoscope.errors import InputError, OutputError
from adaptoscope.imageio.files import MicroscopyImage, read_image
from adaptoscope.imageio.microscopy_image import image_of_counts
from adaptoscope.images.randomness import generator_of

_CARD = """Made from the set {origin}: {name}. The images that are given were shifted; {truth}.
Nothing else was changed. Light is measured from the dark level (0) to the white level (1), the
percentile 99.9 of all given images of one modality, of the split train where there is one.

- Modality: {levels}.
{saturation}
Limits: a computed shift of images that were taken well. What a microscope does beyond it is not
there, and noise that was in the images is shifted with them. Origin, licence and limits of the set
that was shifted hold for this one too."""


@dataclass(frozen=True)
class ShiftedSet:
    """A set that was written, and what an exposure cut off.

    `saturated` is the mean share of pixels at or above the white level; None without
    `overexposure`.
    """

    pairs: PairedStainSet
    saturated: float | None


def write_shifted(
    pairs: PairedStainSet,
    out: Path,
    settings: ShiftSettings,
    *,
    seed: int = 0,
    overwrite: bool = False,
    on_image: Callable[[str], None] | None = None,
) -> ShiftedSet:
    """Write a paired-stain folder whose given images are shifted.

    Splits, groups and stains are kept; the name of the shift is added to the modality. Every image
    is written once, as PNG of its own bit depth, however many pairs share it. Its noise depends on
    the seed and its name alone. A folder begun from the same pairs with equal settings is
    continued.
    """
    _refuse_own_folder(Path(out), pairs.folder)
    kept = {
        "stage": "shift",
        "settings": settings.model_dump(mode="json"),
        "seed": seed,
        "pairs": fingerprint_of_pairs(pairs),
    }
    title = f"{pairs.folder.name}, {settings.name()}"
    light = _light_of_modalities(pairs, settings.dark)
    job = _Job(pairs, settings, seed, light, _new_names(pairs))
    writer = PairedStainWriter(Path(out), kept, title, overwrite=overwrite)
    for given in job.inputs():
        name = Path(job.names[given]).stem
        if not writer.has(name):
            job.write(writer, given)
        if on_image is not None:
            on_image(name)
    shares = None
    if settings.overexposure is not None:
        written = [(writer.folder / job.names[each], light[m]) for each, m in job.inputs().items()]
        shares = [saturated_share(read_image(path), levels.high) for path, levels in written]
    shifted = writer.finish(_card(job, shares))
    return ShiftedSet(shifted, None if shares is None else float(np.mean(shares)))


@dataclass(frozen=True)
class _Job:
    """What the pairs of one given image need to be written.

    ``light`` is by modality, ``names`` leads from paths of the set to those of the new one.
    """

    pairs: PairedStainSet
    settings: ShiftSettings
    seed: int
    light: dict[str | None, LinearLight]
    names: dict[str, str]

    def inputs(self) -> dict[str, str | None]:
        """Return the given images in the order of the set, each with its modality."""
        found: dict[str, str | None] = {}
        for record in self.pairs:
            found.setdefault(record.input, record.modality)
        return found

    def write(self, writer: PairedStainWriter, given: str) -> None:
        records = [record for record in self.pairs if record.input == given]
        images = {self.names[given]: partial(self.given, records[0])}
        images |= {self.names[each.target]: partial(self.stain, each) for each in records}
        masks = {self.names[each.mask]: partial(self.mask, each) for each in records if each.mask}
        points = self.points(records[0]) if self.pairs.has_points else None
        name = Path(self.names[given]).stem
        rows = [self.row(record) for record in records]
        writer.add_pairs(name, rows, images, masks=masks, points=points)

    def row(self, record: PairRecord) -> PairRecord:
        said = [record.modality] if record.modality else []
        return dataclasses.replace(
            record,
            input=self.names[record.input],
            target=self.names[record.target],
            mask=self.names[record.mask] if record.mask else None,
            modality=" + ".join([*said, self.settings.name()]),
        )

    def given(self, record: PairRecord) -> MicroscopyImage:
        image = self.pairs.read(record).given
        light = self.light[self.inputs()[record.input]]
        rng = generator_of(self.seed, Path(self.names[record.input]).stem)
        shifted = shift_given(light.to_linear(image.pixels), self.settings, rng)
        return self._as_image(image, light.to_stored_range(shifted))

    def stain(self, record: PairRecord) -> MicroscopyImage:
        image = self.pairs.read(record).stain
        return self._as_image(image, magnify(image.pixels, self.settings.scale or 1.0))

    def mask(self, record: PairRecord) -> NDArray[np.uint16]:
        labels = self.pairs.mask(record)
        if labels is None:
            raise ValueError(f"{record.name} has no mask")
        return magnify_labels(labels, self.settings.scale or 1.0)

    def points(self, record: PairRecord) -> NDArray[np.float64]:
        shape = self.pairs.read(record).given.shape
        return magnify_points(self.pairs.points(record), shape, self.settings.scale or 1.0)

    def _as_image(self, image: MicroscopyImage, pixels: NDArray[np.float32]) -> MicroscopyImage:
        size = image.pixel_size_um
        if size is not None:
            size /= self.settings.scale or 1.0
        return image_of_counts(image.name, image.scale.to_stored(pixels), size)


def _light_of_modalities(
    pairs: PairedStainSet, dark: Literal["zero", "percentile"]
) -> dict[str | None, LinearLight]:
    """Measure the dark and the white level of each modality, on its split train if it has one."""
    found = {}
    for modality in dict.fromkeys(record.modality for record in pairs):
        records = [record for record in pairs if record.modality == modality]
        train = [record for record in records if record.split == "train"]
        once = {record.input: record for record in reversed(train or records)}
        images = (pairs.read(record).given.pixels for record in once.values())
        found[modality] = LinearLight.of_images(images, dark)
    return found


def _new_names(pairs: PairedStainSet) -> dict[str, str]:
    """Return where each file of the set goes in the new folder."""
    images = (path for record in pairs for path in (record.input, record.target))
    masks = (record.mask for record in pairs if record.mask)
    named = {path: f"images/{name}.png" for path, name in _stems(images).items()}
    of_masks = {path: f"masks/{name}.png" for path, name in _stems(masks).items()}
    given, stained = ({getattr(r, role) for r in pairs} for role in ("input", "target"))
    twofold = sorted((given & stained) | (named.keys() & of_masks.keys()))
    if twofold:
        raise InputError(
            f"The set {pairs.folder} uses a file in two roles.",
            expected="each file as input, as target or as mask",
            found=", ".join(twofold),
            remedy="shift a part of the set, or give the file two names",
        )
    return named | of_masks


def _stems(paths: Iterable[str]) -> dict[str, str]:
    """Name files by their base names, or by their whole paths where these are not unique."""
    places = {path: PurePosixPath(path) for path in paths}
    alike = Counter(place.stem.casefold() for place in places.values())
    found = {
        path: place.stem
        if alike[place.stem.casefold()] == 1
        else "_".join(part for part in place.with_suffix("").parts if part.strip("."))
        for path, place in places.items()
    }
    often = Counter(name.casefold() for name in found.values())
    shared = sorted(path for path, name in found.items() if often[name.casefold()] > 1)
    if shared:
        raise InputError(
            "Several images would be written under the same name.",
            expected="files that differ in more than their suffix or in capitals",
            found=", ".join(shared),
            remedy="rename them",
        )
    return found


def _card(job: _Job, shares: list[float] | None) -> str:
    scale = job.settings.scale
    truth = "stains, masks and cell centres are as they were"
    if scale is not None:
        truth = "stains, masks and cell centres have the new scale too"
        if scale < 1:
            truth += ", and so have mirrored cells in the rim, which are labelled as what they show"
    levels = "; ".join(
        f"{modality or 'not named'}: dark {each.low:.6g}, white {each.high:.6g} of the stored range"
        for modality, each in job.light.items()
    )
    saturation = ""
    if shares is not None:
        saturation = (
            f"- At or above the white level: {100 * np.mean(shares):.2f} % of the pixels of a "
            f"given image on average, {100 * max(shares):.2f} % at most.\n"
        )
    origin = job.pairs.folder.name
    text = _CARD.format(
        origin=origin, name=job.settings.name(), truth=truth, levels=levels, saturation=saturation
    )
    card = job.pairs.folder / "README.md"
    if not card.is_file():
        return text
    said = re.sub(r"^#", "###", card.read_text(encoding="utf-8", errors="replace"), flags=re.M)
    return f"{text}\n\n## The card of {origin}\n\n{said}"


def _refuse_own_folder(out: Path, folder: Path) -> None:
    if out.resolve() == folder.resolve():
        raise OutputError(
            "The shifted images cannot be written over those they are made from.",
            expected="another folder",
            found="the same folder twice",
            remedy="choose another folder",
        )
