"""How far the look of two sets lies apart, seen by a frozen encoder at one cell size."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from adaptoscope.comparison.facts import SetFacts
from adaptoscope.comparison.settings import ComparisonSettings
from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.tiles import choose_tiles, cut_tiles
from adaptoscope.images.normalisation import measure_range
from adaptoscope.images.resampling import Resampling
from adaptoscope.inference.network import Device, Network, OnnxNetwork
from adaptoscope.metrics.intervals import Interval
from adaptoscope.metrics.kernel_distance import kernel_distance
from adaptoscope.metrics.two_sample import two_sample_auc
from adaptoscope.pretrained.bundled import bundled_weights
from adaptoscope.training.progress import progress

SMALLEST = 32
"""Smallest edge of a tile in pixels."""

_FEWEST_IMAGES = 2
# The interval of a floor is not looked at; one draw might hold a single image and have none.
_UNUSED_RESAMPLES = 50
_FEWEST_FOR_FLOOR = 4


@dataclass(frozen=True)
class LookDistance:
    """How far the look of two sets lies apart.

    Parameters
    ----------
    kernel
        Kernel distance of the tiles' features; None for fewer than two images in a set.
    floor
        Largest such distance between halves of A; None for fewer than four images.
    told_apart
        Area under the curve of a linear classifier that tells tiles of B from tiles of A; None for
        fewer than two images in a set.
    tile
        Edge of the tiles in pixels, as the encoder saw them.
    tiles
        Number of tiles of A and of B.
    """

    kernel: Interval | None
    floor: float | None
    told_apart: Interval | None
    tile: int
    tiles: tuple[int, int]


@dataclass(frozen=True, eq=False)
class _Tiles:
    """Features of tiles, shape (N, F), and the image that each was cut from."""

    features: NDArray[np.float64]
    names: tuple[str, ...]


def compare_looks(
    sets: tuple[CountedImageSet, CountedImageSet],
    facts: tuple[SetFacts, SetFacts],
    settings: ComparisonSettings,
    *,
    device: Device = "auto",
    encoder: Network | None = None,
) -> LookDistance:
    """Compare how two sets look.

    Parameters
    ----------
    sets
        A and B, each only with the images that were measured.
    facts
        What was measured. Tiles of the set with the larger cells are cut larger and then brought
        to the cell size of the other; where no cell was seen, nothing is brought anywhere.
    device
        Where the encoder runs.
    encoder
        Maps tiles (B, 1, H, W) to features (B, F), averaged over each tile; the bundled one by
        default.

    Raises
    ------
    MissingWeightsError
        If the encoder's weights are not there.
    """
    scales = _scales(facts)
    smallest = min(int(min(sets[i].size(record)) / scales[i]) for i in (0, 1) for record in sets[i])
    edge = min(settings.tile, smallest)
    network = encoder or OnnxNetwork(bundled_weights()["nuclei_features"], device=device)
    names = _common_names(facts)
    tiles = []
    for which, images, scale, known in zip("AB", sets, scales, names, strict=True):
        chosen = choose_tiles(images, max(1, round(edge * scale)), settings.most_tiles)
        pictures = progress(cut_tiles(images, chosen), f"look at {which}", len(chosen))
        rows = []
        while batch := list(islice(pictures, settings.batch)):
            rows.append(_features(batch, edge, network))
        owners = tuple(known[tile.record.name] for tile in chosen)
        tiles.append(_Tiles(np.concatenate(rows), owners))
    one, other = tiles
    few = min(len(set(one.names)), len(set(other.names))) < _FEWEST_IMAGES
    return LookDistance(
        kernel=kernel_distance(
            one.features, other.features, (one.names, other.names), seed=settings.seed
        ),
        floor=_floor(one, settings),
        told_apart=None if few else _told_apart(one, other, settings),
        tile=edge,
        tiles=(len(one.names), len(other.names)),
    )


def _scales(facts: tuple[SetFacts, SetFacts]) -> tuple[float, float]:
    """Return how many pixels of each set become one pixel that the encoder sees."""
    diameters = [each.median(lambda image: image.diameter) for each in facts]
    if not np.isfinite(diameters).all():
        return 1.0, 1.0
    smaller = min(diameters)
    return diameters[0] / smaller, diameters[1] / smaller


def _common_names(facts: tuple[SetFacts, SetFacts]) -> list[dict[str, str]]:
    """Give an image that is in both sets, under whatever name, one name in both."""
    first: dict[str, str] = {}
    return [
        {image.name: first.setdefault(image.sha256, image.name) for image in each.images}
        for each in facts
    ]


def _features(
    batch: Sequence[NDArray[np.float32]], edge: int, network: Network
) -> NDArray[np.float64]:
    """Return the encoder's features averaged over each tile, shape (B, F)."""
    seen = []
    for tile in batch:
        change = Resampling((tile.shape[0], tile.shape[1]), (edge, edge))
        picture = change.part(tile, 0, 0, edge, edge)
        seen.append(measure_range(picture).apply(picture))
    return network(np.stack(seen)[:, None]).astype(np.float64)


def _floor(tiles: _Tiles, settings: ComparisonSettings) -> float | None:
    """Return the largest kernel distance between random halves of one set."""
    names = sorted(set(tiles.names))
    if len(names) < _FEWEST_FOR_FLOOR:
        return None
    generator = np.random.default_rng(settings.seed)
    owners = np.array(tiles.names)
    found = []
    for _ in range(settings.halvings):
        inside = np.isin(owners, generator.permutation(names)[: len(names) // 2])
        distance = kernel_distance(
            tiles.features[inside],
            tiles.features[~inside],
            (owners[inside].tolist(), owners[~inside].tolist()),
            seed=settings.seed,
            resamples=_UNUSED_RESAMPLES,
        )
        found.append(0.0 if distance is None else distance.value)
    return max(found)


def _told_apart(one: _Tiles, other: _Tiles, settings: ComparisonSettings) -> Interval:
    return two_sample_auc(
        one.features,
        other.features,
        (one.names, other.names),
        seed=settings.seed,
        folds=settings.folds,
        penalty=settings.penalty,
    )
