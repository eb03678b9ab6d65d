"""How near sets of made images come to real ones: the figures, in words and as a table."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adaptoscope.metrics.copies import CopyCheck
from adaptoscope.metrics.distributions import HistogramDistance, MedianDifference
from adaptoscope.metrics.intervals import Interval
from adaptoscope.metrics.spectra import SpectrumDistance
from adaptoscope.realism.feature_encoders import sees_cells

NEAR_ONE = 0.95
"""Area from which on the classifier no longer says which of two sets is the nearer."""

# Sets that are named in a sentence; more are counted.
_FEW = 3

COLUMNS = (
    "Set",
    "Tiles",
    "KID x 1000",
    "At cells",
    "Spectrum, dB (offset / shape)",
    "Histogram, sd",
    "Edges, 1/px",
    "AUC",
    "Cells per Mpx, of px",
    "Copies",
)


@dataclass(frozen=True)
class SetRealism:
    """Distances of one set from real tiles.

    Parameters
    ----------
    kid
        Kernel distance on the encoder's features of whole tiles; None for fewer than two images.
    cell_kid
        The same on features at cells, which does not depend on how many there are; None where
        cells were seen in fewer than two images, or the encoder has no stages.
    sharpness
        Median sharpness of the borders of cells, against that of the real ones.
    auc
        Two-sample test by a classifier; None where a set has fewer than two sources.
    cells_per_mpx, diameter
        As seen without labels, so that unlike layouts are noticed.
    copies
        Tiles that copy a style image; None where they were not looked for.
    """

    name: str
    images: int
    tiles: int
    kid: Interval | None
    cell_kid: Interval | None
    spectrum: SpectrumDistance
    histogram: HistogramDistance
    sharpness: MedianDifference
    auc: Interval | None
    cells_per_mpx: float
    diameter: float
    copies: CopyCheck | None


@dataclass(frozen=True)
class RealismReport:
    """Realism of several sets, measured in one run.

    Parameters
    ----------
    settings
        How it was measured, as plain values.
    frequencies
        Mean frequency of the first and the last bin of the spectra, in cycles per pixel.
    real_cells_per_mpx, real_diameter
        Mean density and median diameter in the real tiles, seen without labels.
    style_images
        In how many style images copies were looked for, and how many there are; None where they
        were not looked for.
    floor
        Real against real; None for fewer than four images.
    """

    settings: Mapping[str, Any]
    encoder: str
    encoder_sha256: str
    tile: int
    frequencies: tuple[float, float]
    real_images: int
    real_tiles: int
    real_cells_per_mpx: float
    real_diameter: float
    style_images: tuple[int, int] | None
    floor: SetRealism | None
    sets: tuple[SetRealism, ...]

    @property
    def verdict(self) -> str:
        """What the figures say, in a few sentences."""
        if not self.sets:
            return "No set was compared."
        sentences = [*_on_classifier(self), *_on_nearest(self), *_on_copies(self)]
        return " ".join([*_on_number(self), *sentences])

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON can hold it; what is not known is None."""
        plain: dict[str, Any] = _without_nan(dataclasses.asdict(self))
        return plain | {"verdict": self.verdict}

    def markdown(self) -> str:
        """Return a table with the real images first, then how it was measured and the verdict."""
        rows = [COLUMNS, ("---",) * len(COLUMNS), *self.rows]
        table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
        return f"{table}\n\n{self.method}\n\n{self.verdict}\n"

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The table below `COLUMNS`, cell by cell as text: the floor first, then every set."""
        entries = [*([self.floor] if self.floor is not None else []), *self.sets]
        return [_row(entry) for entry in entries]

    @property
    def method(self) -> str:
        """How it was measured, in words."""
        return (
            f"{self.real_tiles} tiles of {self.tile} x {self.tile} pixels from {self.real_images} "
            f"real images ({self.real_cells_per_mpx:.0f} cells per Mpx of "
            f"{self.real_diameter:.1f} px). KID over all pairs of different images; intervals: "
            f"95 % bootstrap over images. Spectrum from {self.frequencies[0]:.3g} to "
            f"{self.frequencies[1]:.3g} cycles per pixel. Encoder `{self.encoder}`, weights "
            f"{self.encoder_sha256[:12]}."
            + ("" if sees_cells(self.encoder) else " It gives no distance at cells.")
        )


def _on_number(report: RealismReport) -> list[str]:
    if report.floor is None:
        return [
            f"Only {report.real_images} real image(s): too few for a floor, and for any of this to "
            "be relied on."
        ]
    return []


def _on_classifier(report: RealismReport) -> list[str]:
    areas = {entry.name: entry.auc.value for entry in report.sets if entry.auc is not None}
    if not areas:
        return []
    nearest = min(areas, key=lambda name: areas[name])
    if areas[nearest] >= NEAR_ONE:
        return [
            f"A linear classifier tells every set from the real tiles almost without error "
            f"(smallest AUC {areas[nearest]:.3f}): the AUC does not say which is nearer. KID and "
            f"spectrum decide."
        ]
    return [f"Hardest to tell from real: {nearest} (AUC {areas[nearest]:.3f})."]


def _on_nearest(report: RealismReport) -> list[str]:
    sentences = []
    for words, name in (("KID", "kid"), ("KID at cells", "cell_kid")):
        known = {entry.name: getattr(entry, name) for entry in report.sets}
        found = {set_name: kid for set_name, kid in known.items() if kid is not None}
        if found:
            floor = None if report.floor is None else getattr(report.floor, name)
            sentences.append(_nearest_of(found, words, floor))
    nearest = min(report.sets, key=lambda entry: entry.spectrum.total)
    floor = "" if report.floor is None else f" (floor {report.floor.spectrum.total:.2f})"
    value = nearest.spectrum.total
    return [*sentences, f"Nearest by spectrum: {nearest.name}, {value:.2f} dB{floor}."]


def _nearest_of(found: Mapping[str, Interval], words: str, floor: Interval | None) -> str:
    """Name the nearest set, and those whose intervals reach as low as its value."""
    nearest = min(found, key=lambda name: found[name].value)
    value = found[nearest].value
    beside = "" if floor is None else f" (floor {1000 * floor.value:.2f})"
    alike = [name for name, kid in found.items() if name != nearest and kid.lower <= value]
    named = ", ".join(alike) if len(alike) <= _FEW else f"{len(alike)} of the other sets"
    tied = f"; the intervals of {named} reach as low" if alike else ""
    return f"Nearest by {words}: {nearest}, {1000 * value:.2f}{beside}{tied}."


def _on_copies(report: RealismReport) -> list[str]:
    sentences = []
    for entry in report.sets:
        if entry.copies is not None and entry.copies.copies:
            named = sorted(set(entry.copies.copies))
            shown = ", ".join(named[:5]) + (" and more" if len(named) > 5 else "")
            sentences.append(f"Copies of real images in {entry.name}: {len(named)} ({shown}).")
    check = next((entry.copies for entry in report.sets if entry.copies is not None), None)
    if check is not None and check.real_copies:
        sentences.append(
            f"Of {check.real_pictures} real tiles, {check.real_copies} pass for copies of another "
            "real image, as overlapping fields do."
        )
    if report.style_images is not None and report.style_images[0] < report.style_images[1]:
        searched, known = report.style_images
        sentences.append(f"Copies were looked for in {searched} of {known} style images only.")
    return sentences


def _row(entry: SetRealism) -> tuple[str, ...]:
    return (
        entry.name,
        str(entry.tiles),
        _thousandfold(entry.kid, 1),
        _thousandfold(entry.cell_kid, 0),
        f"{entry.spectrum.total:.2f} ({entry.spectrum.offset:+.2f} / {entry.spectrum.shape:.2f})",
        f"{entry.histogram.relative:.3f}",
        f"{entry.sharpness.median:.3f} ({100 * entry.sharpness.relative:+.0f} %)",
        "–" if entry.auc is None else _area(entry.auc),
        f"{entry.cells_per_mpx:.0f}, {entry.diameter:.1f}",
        "–" if entry.copies is None else str(len(set(entry.copies.copies))),
    )


def _thousandfold(kid: Interval | None, digits: int) -> str:
    if kid is None:
        return "–"
    bounds = f"[{1000 * kid.lower:.{digits}f}, {1000 * kid.upper:.{digits}f}]"
    return f"{1000 * kid.value:.{digits}f} {bounds}"


def _area(auc: Interval) -> str:
    return f"{auc.value:.3f} [{auc.lower:.3f}, {auc.upper:.3f}]"


def _without_nan(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nan(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
