"""Pack stylised images that passed the screen: images, truth, metadata, card, checksums."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from adaptoscope.datasets.counted_images import CountedImageSet, open_counted_images
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.errors import InputError
from adaptoscope.imageio.files import write_text
from adaptoscope.reporting.tables import Table, markdown, number, share
from adaptoscope.style_transfer.screening.screen import ScreeningSummary
from adaptoscope.style_transfer.style_file import Style, StyleFacts
from adaptoscope.training.progress import progress
from experiments.release.hugging_face import front_matter, write_rows
from experiments.release.settings import ReleaseSettings

CHECKSUMS = "SHA256SUMS"

_CARD = """## What this is

{title}: {kept} synthetic fluorescence images of nuclei with known centres and masks. **Synthetic:**
no cell here was ever alive. Statistics and looks of real images were used, no picture.

## How it was made

1. The real images were divided into classes of cell density, {labels}. {drawn} cell layouts
   (Syn-HC, Algorithm 1 of the InST-Microscopy paper) were drawn with the cell size, density,
   intensity and background of each class, measured without labels.
2. Each drawing was given the look of real images of its class: {how}. Style tokens {tokens};
   backbone `{backbone}`, weights {backbone_sha256}.
3. Every image was screened against its drawing: cells lost, invented or merged, artefacts,
   amplified background, incomplete transfer. {kept} of {drawn} passed ({yield_}); nothing was
   chosen by hand.

Made by `adaptoscope run` with the settings in `settings.yaml`.

## Density classes

{classes}

Agreement of cells seen in the kept images with those drawn, by the screen's own detector: F1 {f1}.

## Files

- `images/`: one channel, {bit_depth} bits. `masks/`: 16-bit label images of the drawn cells.
- `points.csv`: `image,x,y` in pixels, (0, 0) is the centre of the top-left pixel.
- `metadata.csv`: one row per image: count, density class, style, seed, agreement with the drawing.
- `metadata.jsonl`: the same rows with the centres as `points`, lists of (x, y), and the mask's
  name, for Hugging Face. `datasets.load_dataset` of this folder gives `image`, `mask`, `points`
  and the columns, in one split, `train`; seen to work with version 5 of `datasets`.
- `{checksums}`: checksums, `sha256sum -c {checksums}`.

## Intended use

To train and test methods that count or locate nuclei where labels are few or none. Not for
conclusions about cells, and not as a replacement for a test on real images.

## Limits

- Live and dead cells are not told apart: the style only suggests either.
- Where cells overlap or blur into one another, the truth is what was drawn, which a person might
  not see in the image.
- The look is that of one set of real images; another microscope looks different.
- Shapes are ellipses in origin: nuclei of unusual form do not occur.

## The real images behind the look

{source}{which}; hashes are SHA-256 of the decoded pixels.

{hashes}
"""


@dataclass(frozen=True)
class ReleasedClass:
    """What was made of one class of cell density.

    Parameters
    ----------
    images
        Stylised images that passed the screen.
    style
        Their style.
    screening
        Of all stylised images of the class.
    real
        Name and hash of every real image of the class.
    """

    images: CountedImageSet
    style: Style
    screening: ScreeningSummary
    real: tuple[tuple[str, str], ...]


def pack(
    out: Path,
    settings: ReleaseSettings,
    parts: Mapping[str, ReleasedClass],
) -> CountedImageSet:
    """Pack the kept images of all classes into one folder that Hugging Face reads.

    Parameters
    ----------
    out
        The data set's folder; finished only with its checksums.
    settings
        Of the release.
    parts
        By density class.

    Returns
    -------
    CountedImageSet
        The folder.
    """
    if (out / CHECKSUMS).exists():
        return open_counted_images(out)
    _refuse_mixed_depths(parts)
    public = _without_places(settings)
    writer = CountedImageWriter(out, public, settings.title)
    for name, part in parts.items():
        images = part.images
        for record in progress(list(images), f"pack {name}", unit="image"):
            stem = f"{name}_{record.stem}"
            if writer.has(stem):
                continue
            fields = asdict(record)
            for own in ("file_name", "bit_depth", "pixel_size_um", "source_sha256", "layout"):
                fields.pop(own)
            writer.add(
                stem,
                images.read(record).pixels,
                bit_depth=part.style.facts.bit_depth,
                points=images.points(record),
                mask=images.mask(record),
                pixel_size_um=record.pixel_size_um,
                **fields | {"density_class": name, "split": "train"},
            )
    packed = writer.finish(_card(settings, parts))
    write_rows(packed)
    write_text(out / "README.md", front_matter(settings) + (out / "README.md").read_text("utf-8"))
    text = yaml.safe_dump(public, sort_keys=False, allow_unicode=True)
    write_text(out / "settings.yaml", text)
    write_checksums(out)
    return packed


def write_checksums(folder: Path) -> None:
    """Write the SHA-256 of every file below a folder, as ``sha256sum -c`` reads it."""
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path.name != CHECKSUMS and not path.name.startswith(".")
    )
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}"
        for path in progress(files, "checksums")
    ]
    write_text(folder / CHECKSUMS, "\n".join(lines) + "\n")


def class_table(
    parts: Mapping[str, ReleasedClass],
) -> Table:
    """Lay out number, yield and cell statistics of the density classes."""
    rows = []
    for name, part in parts.items():
        summary = part.screening
        counts = part.images.counts()
        densities = np.array([record.cells_per_mpx for record in part.images], dtype=float)
        rows.append(
            (
                name,
                str(len(part.real)),
                str(len(part.style.facts.images)),
                str(summary.n),
                str(summary.kept),
                share(summary.kept_share),
                _mean_and_sd(counts),
                _mean_and_sd(densities),
            )
        )
    columns = (
        "Class",
        "Real images",
        "Style images",
        "Drawn",
        "Kept",
        "Yield",
        "Cells, mean ± sd",
        "Cells per Mpx",
    )
    return Table(columns, tuple(rows))


def _card(
    settings: ReleaseSettings,
    parts: Mapping[str, ReleasedClass],
) -> str:
    summaries = [part.screening for part in parts.values()]
    facts = [part.style.facts for part in parts.values()]
    drawn, kept = sum(s.n for s in summaries), sum(s.kept for s in summaries)
    tokens = settings.tokens
    source = settings.real_source.strip()
    return _CARD.format(
        title=settings.title,
        kept=kept,
        drawn=drawn,
        yield_=share(kept / drawn),
        labels="with their counts" if settings.density.source == "labels" else "without labels",
        how=settings.stylisation.in_words(),
        tokens="read off the images" if tokens is None else f"trained, {tokens.steps} steps",
        backbone=facts[0].backbone,
        backbone_sha256=facts[0].backbone_sha256[:12],
        classes=markdown(class_table(parts)).strip(),
        f1=number(_pooled_f1(parts), digits=3),
        bit_depth=facts[0].bit_depth,
        checksums=CHECKSUMS,
        source=f"{source}\n\n" if source else "",
        which=_which_images(facts),
        hashes="\n".join(
            f"- `{name}` {sha256}"
            for name, sha256 in sorted(entry for part in parts.values() for entry in part.real)
        ),
    )


def _which_images(facts: Iterable[StyleFacts]) -> str:
    """Say which real images were looked at; a folder without splits has no training split."""
    splits = {image.split for each in facts for image in each.images}
    return "All of the training split" if splits == {"train"} else "All images of a folder"


def _pooled_f1(parts: Mapping[str, ReleasedClass]) -> float:
    """Return the F1 of all cells of all kept images; NaN where there is none."""
    records = [record for part in parts.values() for record in part.images]
    lost = sum(record.lost or 0 for record in records)
    missed = lost + sum(record.invented or 0 for record in records)
    pairs = sum(record.count or 0 for record in records) - lost
    return 2 * pairs / (2 * pairs + missed) if pairs + missed else float("nan")


def _refuse_mixed_depths(parts: Mapping[str, ReleasedClass]) -> None:
    depths = {part.style.facts.bit_depth for part in parts.values()}
    if len(depths) > 1:
        raise InputError(
            "The real images do not share one bit depth.",
            expected="all 8-bit or all 16-bit",
            found=" and ".join(f"{depth}-bit" for depth in sorted(depths)),
            remedy="release one data set of each kind",
        )


def _without_places(settings: ReleaseSettings) -> dict[str, Any]:
    """Return the settings with the names of folders in place of where they lie."""
    public = settings.model_dump(mode="json")
    for section, field in (
        ("real", "folder"),
        ("real", "root"),
        ("style", "images"),
        ("style", "backbone"),
    ):
        value = public[section].get(field)
        if value:
            public[section][field] = Path(value).name
    return public


def _mean_and_sd(values: np.ndarray) -> str:
    if not len(values):
        return number(float("nan"))
    sd = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
    return f"{number(float(values.mean()), digits=1)} ± {number(sd, digits=1)}"
