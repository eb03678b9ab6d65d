"""Which images an experiment learns from and which it counts: splits, folds or published lists."""

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.folds import grouped_folds, split_by_fold
from adaptoscope.datasets.leakage import refuse_held_out
from adaptoscope.datasets.records import ImageRecord, split_name, without_label
from adaptoscope.errors import InputError
from adaptoscope.imageio.csv_tables import read_table
from adaptoscope.training.settings import Settings


class SplitProtocol(Settings):
    """The splits of the real folder: `train` teaches, `val` calibrates, `test` is counted."""

    kind: Literal["split"] = "split"
    """Tells the protocols apart."""
    count: Literal["test", "val"] = "test"
    """Which split is counted. `val` is for choosing settings: the test images are then kept back,
    and no label of theirs is read."""
    train_on_val: bool = False
    """Train on the split `val` too, once nothing is left to choose on it."""

    @model_validator(mode="after")
    def _counted_images_teach_nothing(self) -> "SplitProtocol":
        if self.count == "val" and self.train_on_val:
            raise ValueError("the split val cannot be both counted and trained on")
        return self


class FoldProtocol(Settings):
    """Cross-validation: every image is counted once, by what was trained on other groups."""

    kind: Literal["folds"]
    """Tells the protocols apart."""
    folds: int = Field(default=5, ge=2)
    """Number of folds."""
    fold_seed: int = Field(default=0, ge=0)
    """Seed of the division, the same for every row."""
    validation: float = Field(default=0.0, ge=0, lt=1)
    """Share of the other images, in whole groups, on which networks choose how they are read;
    fitted counters learn from them too. 0: none."""
    group: str | None = None
    """Pattern whose first group, at the beginning of the file name, names the culture or plate of
    an image, as `^(.*)_F`. None: the column `group` of the folder."""

    @field_validator("group")
    @classmethod
    def _names_a_group(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                compiled = re.compile(pattern)
            except re.error as error:
                raise ValueError(f"not a regular expression: {error}") from error
            if compiled.groups < 1:
                raise ValueError("put the part that names the group in brackets, as in ^(.*)_F")
        return pattern


class AuthorsProtocol(Settings):
    """The lists that a data set's authors published, as far as their images are here."""

    kind: Literal["authors"]
    """Tells the protocols apart."""
    split_table: str = Field(pattern=r"^[A-Za-z0-9][\w.-]*\.csv$")
    """Table in the real folder that holds the lists, with a column `image` or `file_name`."""
    split_column: str
    """Its column that names the split of each image."""
    published: dict[str, int] = Field(default_factory=dict)
    """How many images the published lists name, by split, so that the report can say how many of
    them are absent."""
    train_on_val: bool = False
    """Train on the list `validation` too."""


AnyProtocol = Annotated[SplitProtocol | FoldProtocol | AuthorsProtocol, Field(discriminator="kind")]


@dataclass(frozen=True)
class Round:
    """One division of the real images; most protocols have one.

    Parameters
    ----------
    name
        As ``fold 1``; empty for the only one.
    folder
        Where everything that is made from its training images stands.
    real
        The real images; split ``train`` is learnt from, ``test`` is counted.
    """

    name: str
    folder: Path
    real: CountedImageSet


def rounds_of(protocol: AnyProtocol, real: CountedImageSet, out: Path) -> tuple[Round, ...]:
    """Divide the real images as a protocol says.

    Parameters
    ----------
    out
        Run folder; folds stand below it in ``folds/``, numbered from 1.

    Returns
    -------
    tuple of Round
        Splits are ``train``, ``test`` and perhaps ``val``; no image that is learnt from has the
        pixels or the source of one that is counted.
    """
    if isinstance(protocol, FoldProtocol):
        rounds = _folds(protocol, real, out)
    elif isinstance(protocol, AuthorsProtocol):
        listed = _as_listed(protocol, real)
        rounds = (Round("", out, _joined(listed, protocol.train_on_val)),)
    else:
        divided = _validation_counted(real) if protocol.count == "val" else real
        rounds = (Round("", out, _joined(divided, protocol.train_on_val)),)
    for one in rounds:
        refuse_one_sided(one.real)
    if len(rounds) > 1:
        _refuse_copies(rounds)
    return rounds


def protocol_in_words(protocol: AnyProtocol, rounds: Sequence[Round]) -> str:
    """Say which images were learnt from and which were counted.

    Parameters
    ----------
    rounds
        As `rounds_of` divided them.
    """
    sizes = [(len(one.real.images_of("train")), len(one.real.images_of("test"))) for one in rounds]
    if isinstance(protocol, FoldProtocol):
        groups = {record.group for record in rounds[0].real}
        return (
            f"{protocol.folds} folds (seed {protocol.fold_seed}) over {len(rounds[0].real)} images "
            f"of {len(groups)} groups that no fold divides; learnt from / counted in each fold: "
            f"{', '.join(f'{train} / {test}' for train, test in sizes)}. Everything that follows "
            "real images, style included, is made anew in each fold from those it learns from."
        )
    train, test = sizes[0]
    joined = ", validation images included" if protocol.train_on_val else ""
    if isinstance(protocol, AuthorsProtocol):
        return (
            f"Lists of {protocol.split_table}, column {protocol.split_column}: {train} images are "
            f"learnt from{joined}, {test} counted.{_absent(protocol, rounds[0].real)}"
        )
    counted = "validation images, to choose settings" if protocol.count == "val" else "test images"
    return (
        f"Splits of the folder: {train} images are learnt from{joined}, {test} counted ({counted})."
    )


def _folds(protocol: FoldProtocol, real: CountedImageSet, out: Path) -> tuple[Round, ...]:
    named = real
    if protocol.group is not None:
        pattern = re.compile(protocol.group)
        named = real.with_records(_in_group(record, pattern) for record in real)
    folds = grouped_folds(named.records, protocol.folds, protocol.fold_seed)
    return tuple(
        Round(
            name=f"fold {index + 1}",
            folder=out / "folds" / str(index + 1),
            real=split_by_fold(
                named, folds, index, validation=protocol.validation, seed=protocol.fold_seed
            ),
        )
        for index in range(protocol.folds)
    )


def _in_group(record: ImageRecord, pattern: re.Pattern[str]) -> ImageRecord:
    match = pattern.match(record.name)
    if match is None or not match[1]:
        raise InputError(
            f"The group of the image {record.file_name} cannot be told from its name.",
            expected=f"a name that begins as {pattern.pattern}",
            found=record.name,
            remedy="correct the setting protocol.group, or leave it out to use the column group",
        )
    return dataclasses.replace(record, group=match[1])


def _as_listed(protocol: AuthorsProtocol, real: CountedImageSet) -> CountedImageSet:
    """Give every image the split of the published lists, whatever its own."""
    table = read_table(real.folder / protocol.split_table)
    names = "image" if "image" in table.columns else "file_name"
    table.require(names, protocol.split_column)
    listed = {Path(row[names]).name: split_name(row[protocol.split_column]) for row in table.rows}
    absent = [record.name for record in real if not listed.get(record.name)]
    if absent:
        raise InputError(
            f"The lists of {table.path} do not name every image.",
            expected=f"a split for each of {len(real)} images, in the column "
            f"{protocol.split_column}",
            found=f"none for {absent[0]}" + (f" and {len(absent) - 1} more" if absent[1:] else ""),
            remedy="complete the table, or use the protocol split",
        )
    return real.with_records(
        dataclasses.replace(record, split=listed[record.name]) for record in real
    )


def _absent(protocol: AuthorsProtocol, real: CountedImageSet) -> str:
    """Say how many of the published images are not here, or cannot be used."""
    said = [
        f"{published} for {split}, of which {published - len(real.images_of(split_name(split)))} "
        "are absent or unusable"
        for split, published in protocol.published.items()
    ]
    return f" The published lists name {'; '.join(said)}." if said else ""


def _validation_counted(real: CountedImageSet) -> CountedImageSet:
    """Let validation images be counted; those of the test split stay kept back, without labels."""
    return real.with_records(_as_counted(record) for record in real)


def _as_counted(record: ImageRecord) -> ImageRecord:
    if record.split == "test":
        return dataclasses.replace(without_label(record), split="val")
    return dataclasses.replace(record, split="test") if record.split == "val" else record


def _joined(real: CountedImageSet, train_on_val: bool) -> CountedImageSet:
    if not train_on_val:
        return real
    return real.with_records(
        dataclasses.replace(record, split="train") if record.split == "val" else record
        for record in real
    )


def refuse_one_sided(real: CountedImageSet) -> None:
    """Refuse images of which none is to be learnt from, or none is to be counted."""
    missing = [split for split in ("train", "test") if not real.images_of(split)]
    if missing:
        raise InputError(
            f"The images of {real.folder} are not divided into splits.",
            expected="a column split with train, test and if possible val",
            found=f"no image in {' or '.join(missing)}",
            remedy="add a column split to metadata.csv or split.csv, or choose the protocol folds",
        )


def _refuse_copies(rounds: Sequence[Round]) -> None:
    """Refuse one image under two names in different folds, before anything is trained."""
    images = rounds[0].real
    own = {record.file_name: {images.read(record).sha256} for record in images}
    for record in images:
        own[record.file_name] |= {record.source_sha256} if record.source_sha256 else set()
    for one in rounds:
        counted = {
            sha256: f"{one.name}, test: {record.file_name}"
            for record in one.real.images_of("test")
            for sha256 in own[record.file_name]
        }
        learnt = (
            (record.file_name, sha256)
            for record in one.real.images_of("train")
            for sha256 in own[record.file_name]
        )
        refuse_held_out(learnt, counted, f"train in {one.name}")
