"""Pack stylised images that passed the screen: images, truth, metadata, card, checksums."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import yaml

from adaptoscope.datasets.counted_images import CountedImageSet, open_counted_images
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.images.files import write_text
from adaptoscope.pipeline.release.settings import ReleaseSettings
from adaptoscope.reporting.tables import Table, markdown, number, share
from adaptoscope.style_transfer.screening.screen import ScreeningSummary
from adaptoscope.style_transfer.style_file import Style
from adaptoscope.training.progress import progress

CHECKSUMS = "SHA256SUMS"

_CARD = """## What this is

{title}: {kept} synthetic fluorescence images of nuclei with known centres and masks. **Synthetic:**
no cell here was ever alive, and no pixel of a real image was copied.

## How it was made

1. {drawn} drawings of cells (Syn-HC, Algorithm 1 of the InST-Microscopy paper), with the cell
   size, density, intensity and background measured on the real images without their labels.
2. Each drawing was given the look of real images of its density class by latent diffusion:
   AdaIN, {inversion} inversion at strength {strength}, {steps} steps, layout condition {layout}.
   Backbone `{backbone}`, weights {backbone_sha256}.
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

{source}Of these, the following were looked at, all of the training split; hashes are SHA-256 of the
decoded pixels.

{hashes}
"""


def pack(
    out: Path,
    settings: ReleaseSettings,
    parts: Mapping[str, tuple[CountedImageSet, Style, ScreeningSummary]],
) -> CountedImageSet:
    """Pack the kept images of all classes into one folder that Hugging Face reads.

    Parameters
    ----------
    out
        The data set's folder; finished only with its checksums.
    settings
        Of the release.
    parts
        By density class: its stylised images, rejected ones included, style and screening.

    Returns
    -------
    CountedImageSet
        The folder.
    """
    if (out / CHECKSUMS).exists():
        return open_counted_images(out)
    writer = CountedImageWriter(out, settings.model_dump(mode="json"), settings.title)
    for name, (images, style, _) in parts.items():
        chosen = [record for record in images if record.kept is not False]
        for record in progress(chosen, f"pack {name}"):
            stem = f"{name}_{record.stem}"
            if writer.has(stem):
                continue
            fields = asdict(record)
            for own in ("file_name", "bit_depth", "pixel_size_um", "source_sha256", "layout"):
                fields.pop(own)
            writer.add(
                stem,
                images.read(record).pixels,
                bit_depth=style.facts.bit_depth,
                points=images.points(record),
                mask=images.mask(record),
                pixel_size_um=record.pixel_size_um,
                **fields | {"density_class": name, "split": "train"},
            )
    packed = writer.finish(_card(settings, parts))
    write_text(out / "README.md", _front_matter(settings) + (out / "README.md").read_text("utf-8"))
    text = yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
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
    parts: Mapping[str, tuple[CountedImageSet, Style, ScreeningSummary]],
) -> Table:
    """Lay out number, yield and cell statistics of the density classes."""
    rows = []
    for name, (images, style, summary) in parts.items():
        kept = [record for record in images if record.kept is not False]
        counts = np.array([record.count for record in kept], dtype=float)
        densities = np.array([record.cells_per_mpx for record in kept], dtype=float)
        rows.append(
            (
                name,
                str(len(style.facts.images)),
                str(summary.n),
                str(summary.kept),
                share(summary.kept_share),
                _mean_and_sd(counts),
                _mean_and_sd(densities),
            )
        )
    columns = (
        "Class",
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
    parts: Mapping[str, tuple[CountedImageSet, Style, ScreeningSummary]],
) -> str:
    summaries = [summary for _, _, summary in parts.values()]
    styles = [style for _, style, _ in parts.values()]
    drawn, kept = sum(s.n for s in summaries), sum(s.kept for s in summaries)
    hashes = {image.sha256: image.name for style in styles for image in style.facts.images}
    how = settings.stylisation
    known = [(s.f1_kept, s.kept) for s in summaries if s.f1_kept is not None]
    f1 = sum(value * weight for value, weight in known) / max(1, sum(w for _, w in known))
    source = settings.real_source.strip()
    return _CARD.format(
        title=settings.title,
        kept=kept,
        drawn=drawn,
        yield_=share(kept / drawn),
        inversion=how.inversion,
        strength=how.strength,
        steps=how.steps,
        layout="on" if how.use_layout else "off",
        backbone=styles[0].facts.backbone,
        backbone_sha256=styles[0].facts.backbone_sha256[:12],
        classes=markdown(class_table(parts)).strip(),
        f1=number(f1, digits=3),
        bit_depth=styles[0].facts.bit_depth,
        checksums=CHECKSUMS,
        source=f"{source} " if source else "",
        hashes="\n".join(f"- `{name}` {sha}" for sha, name in sorted(hashes.items(), key=_by_name)),
    )


def _front_matter(settings: ReleaseSettings) -> str:
    """Return what Hugging Face reads at the head of a card; masks are not images of the set."""
    facts = {
        "license": settings.licence,
        "pretty_name": settings.title,
        "task_categories": ["object-detection", "image-segmentation"],
        "tags": ["biology", "microscopy", "cell-counting", "synthetic"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": "train", "path": ["metadata.csv", "images/*.png"]}],
            }
        ],
    }
    return f"---\n{yaml.safe_dump(facts, sort_keys=False, allow_unicode=True)}---\n\n"


def _mean_and_sd(values: np.ndarray) -> str:
    if not len(values):
        return number(float("nan"))
    sd = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
    return f"{number(float(values.mean()), digits=1)} ± {number(sd, digits=1)}"


def _by_name(entry: tuple[str, str]) -> tuple[str, str]:
    return entry[1], entry[0]
