"""How far two sets lie apart as a frozen encoder sees them, at one cell size."""

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
from adaptoscope.pretrained.bundled import bundled_weights
from adaptoscope.realism.feature_distance import classifier_auc, halve_images
from adaptoscope.training.progress import progress

# The interval of a floor is not looked at; one draw might hold a single image and have none.
_UNUSED_RESAMPLES = 50

Features = NDArray[np.float64]


@dataclass(frozen=True)
class EncoderDistance:
    """How far two sets lie apart.

    Parameters
    ----------
    kernel
        Kernel distance of the tiles' features; None for fewer than two images in a set.
    floor
        Largest such distance between halves of A; None for fewer than four images.
    auc
        Area under the curve of a linear classifier that tells tiles of B from tiles of A; None for
        fewer than two images in a set.
    tile
        Edge of the tiles in pixels, as the encoder saw them.
    tiles
        Number of tiles of A and of B.
    """

    kernel: Interval | None
    floor: float | None
    auc: Interval | None
    tile: int
    tiles: tuple[int, int]


def measure_encoder_distance(
    sets: tuple[CountedImageSet, CountedImageSet],
    facts: tuple[SetFacts, SetFacts],
    settings: ComparisonSettings,
    *,
    device: Device = "auto",
    encoder: Network | None = None,
) -> EncoderDistance:
    """Measure how far A and B lie apart, each only with the images of `facts`.

    Tiles of the set with the larger cells are cut larger and then brought to the cell size of the
    other; where no cell was seen, nothing is brought anywhere. The encoder maps tiles (B, 1, H, W)
    to features (B, F), averaged over each tile; the bundled one by default.
    """
    scales = _scales(facts)
    smallest = min(int(min(sets[i].size(record)) / scales[i]) for i in (0, 1) for record in sets[i])
    edge = min(settings.tile, smallest)
    network = encoder or OnnxNetwork(bundled_weights()["nuclei_features"], device=device)
    features, names = [], []
    for which, images, scale, known in zip("AB", sets, scales, _common_names(facts), strict=True):
        chosen = choose_tiles(images, max(1, round(edge * scale)), settings.most_tiles)
        pictures = progress(cut_tiles(images, chosen), f"look at {which}", len(chosen))
        rows = []
        while batch := list(islice(pictures, settings.batch)):
            rows.append(_features(batch, edge, network))
        features.append(np.concatenate(rows))
        names.append([known[tile.record.name] for tile in chosen])
    (one, other), owners = features, (names[0], names[1])
    return EncoderDistance(
        kernel=kernel_distance(one, other, owners, seed=settings.seed),
        floor=_floor(one, names[0], settings),
        auc=classifier_auc(
            one,
            other,
            owners,
            seed=settings.seed,
            folds=settings.folds,
            penalty=settings.penalty,
        ),
        tile=edge,
        tiles=(len(names[0]), len(names[1])),
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


def _features(batch: Sequence[NDArray[np.float32]], edge: int, network: Network) -> Features:
    seen = []
    for tile in batch:
        change = Resampling((tile.shape[0], tile.shape[1]), (edge, edge))
        picture = change.part(tile, 0, 0, edge, edge)
        seen.append(measure_range(picture).apply(picture))
    return network(np.stack(seen)[:, None]).astype(np.float64)


def _floor(features: Features, names: list[str], settings: ComparisonSettings) -> float | None:
    owners, found = np.array(names), []
    for inside in halve_images(names, settings.seed, settings.halvings):
        distance = kernel_distance(
            features[inside],
            features[~inside],
            (owners[inside].tolist(), owners[~inside].tolist()),
            seed=settings.seed,
            resamples=_UNUSED_RESAMPLES,
        )
        found.append(0.0 if distance is None else distance.value)
    return max(found, default=None)
