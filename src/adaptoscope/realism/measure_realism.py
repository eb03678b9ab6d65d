"""Measure how near sets of made images come to real ones, with real against real as the floor.

Labels are not read: a set without points is compared as well as any other.
"""

from collections.abc import Mapping, Sequence

import torch

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.tiles import choose_tiles, cut_tiles, evenly_spread
from adaptoscope.errors import InputError
from adaptoscope.imageio.files import read_header
from adaptoscope.metrics.copies import CopyCheck, CorrelationSearch, check_copies
from adaptoscope.metrics.spectra import bin_frequencies
from adaptoscope.realism.feature_encoders import open_feature_encoder
from adaptoscope.realism.realism_report import RealismReport
from adaptoscope.realism.set_distances import measure_against, measure_floor, median_of_known
from adaptoscope.realism.settings import SMALLEST, RealismSettings
from adaptoscope.realism.tile_measures import TileMeasures, TileProbe, measure_tiles
from adaptoscope.training.progress import progress
from adaptoscope.training.step_loop import Device, start_fabric


def measure_realism(
    real: CountedImageSet,
    made: Mapping[str, CountedImageSet],
    settings: RealismSettings | None = None,
    *,
    style_images: CountedImageSet | None = None,
    encoder: str = "nuclei",
    device: Device = "auto",
) -> RealismReport:
    """Compare sets of made images with real ones.

    Parameters
    ----------
    real
        Real images, all of those given: choose the split first.
    style_images
        Real images that the sets were made after, to look for copies of them; not looked for if
        not given. They may be those of `real`.
    encoder
        Encoder whose features are compared, as in `open_feature_encoder`.

    Raises
    ------
    InputError
        If no set is given, or an image is smaller than 32 pixels.
    """
    settings = settings or RealismSettings()
    if not made:
        raise InputError("No set was given to compare with the real images.")
    everything = [real, *made.values(), *([style_images] if style_images is not None else [])]
    probe, encoder_sha256 = _probe(everything, settings, encoder, device)
    measured = _measure(real, probe, settings, "measure real")
    frequencies = bin_frequencies(probe.edge, probe.bins)
    originals = None
    if style_images is not None:
        originals = _Originals(style_images, real, measured, settings, probe.edge)
    entries = []
    for name, images in made.items():
        tiles = _measure(images, probe, settings, f"measure {name}")
        copies = None if originals is None else originals.check(images, tiles, name)
        entries.append(measure_against(name, tiles, measured, settings, copies))
    return RealismReport(
        settings=settings.model_dump(mode="json"),
        encoder=encoder,
        encoder_sha256=encoder_sha256,
        tile=probe.edge,
        frequencies=(float(frequencies[0]), float(frequencies[-1])),
        real_images=measured.images,
        real_tiles=len(measured),
        real_cells_per_mpx=float(measured.cells_per_mpx.mean()),
        real_diameter=median_of_known(measured.diameters),
        style_images=None if originals is None else (originals.searched, originals.known),
        floor=measure_floor(measured, settings),
        sets=tuple(entries),
    )


class _Originals:
    """The real images that others were made after, ready to be looked for in them."""

    def __init__(
        self,
        images: CountedImageSet,
        real: CountedImageSet,
        of_real: TileMeasures,
        settings: RealismSettings,
        edge: int,
    ) -> None:
        hashes = images.hashes()
        chosen = evenly_spread(images.records, settings.most_style_images)
        self.searched, self.known = len(chosen), len(images)
        self.search = CorrelationSearch(
            ((hashes[record.file_name], images.read(record).pixels) for record in chosen), edge
        )
        of_images = real.hashes()
        # Hashes, as names may occur in several folders.
        sources = [of_images[name] for name in of_real.names]
        self.between_real = self._excesses(real, of_real, sources, "search real images")

    def check(self, images: CountedImageSet, tiles: TileMeasures, name: str) -> CopyCheck:
        """Look for every tile of a made set in the originals."""
        excesses = self._excesses(images, tiles, [None] * len(tiles), f"search {name}")
        return check_copies(excesses, self.between_real, [t.record.name for t in tiles.tiles])

    def _excesses(
        self,
        images: CountedImageSet,
        tiles: TileMeasures,
        sources: Sequence[str | None],
        description: str,
    ) -> list[float]:
        pictures = progress(cut_tiles(images, tiles.tiles), description, len(tiles))
        return [
            self.search.excess(picture, source)
            for picture, source in zip(pictures, sources, strict=True)
        ]


def _probe(
    sets: Sequence[CountedImageSet], settings: RealismSettings, encoder: str, device: Device
) -> tuple[TileProbe, str]:
    smallest = min(min(images.size(record)) for images in sets for record in images)
    if smallest < SMALLEST:
        raise InputError(
            "An image is too small to measure its realism.",
            expected=f"at least {SMALLEST} pixels each side",
            found=f"{smallest}",
            remedy="leave it out",
        )
    # Rounding to 8 bits is the coarsest; a floor for each set would make the sets differ.
    depths = {read_header(images.path(record)).bit_depth for images in sets for record in images}
    largest = 2.0 ** (8 if 8 in depths else 16) - 1
    place = torch.device(start_fabric(device).device)
    network, encoder_sha256 = open_feature_encoder(encoder, place)
    probe = TileProbe(
        encoder=network,
        device=place,
        edge=min(settings.tile, smallest),
        bins=settings.spectrum_bins,
        floor=1 / 12 / largest**2,
        batch=settings.batch,
    )
    return probe, encoder_sha256


def _measure(
    images: CountedImageSet, probe: TileProbe, settings: RealismSettings, description: str
) -> TileMeasures:
    tiles = choose_tiles(images, probe.edge, settings.most_tiles)
    return measure_tiles(images, tiles, probe, description)
