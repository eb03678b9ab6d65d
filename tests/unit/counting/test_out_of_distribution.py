import json

import numpy as np
import pytest
from scipy import ndimage

from adaptoscope.counting.counters import ImageCount
from adaptoscope.counting.out_of_distribution import LEAST_IMAGES, TrainingStatistics, known_images
from adaptoscope.errors import InputError
from adaptoscope.training.settings import settings_from

SIDE, DIAMETER, REACH = 128, 12.0, 14

# Enough to tell 1 % of flags from 5 %, and quick to draw.
TRAINING, NEW = 120, 240


def one(seed: int, density: float = 1.0) -> tuple[np.ndarray, int]:
    """Draw cells whose number, brightness and noise vary as they do within one experiment."""
    generator = np.random.default_rng(seed)
    count = int(generator.integers(8, 30) * density)
    image = np.full((SIDE, SIDE), generator.uniform(0.05, 0.1))
    for row, column in generator.integers(0, SIDE, (count, 2)):
        height = generator.uniform(0.3, 0.5)
        near = (
            slice(max(0, row - REACH), row + REACH),
            slice(max(0, column - REACH), column + REACH),
        )
        rows, columns = np.ogrid[near]
        distance = np.hypot(rows - row, columns - column)[: SIDE - near[0].start]
        distance = distance[:, : SIDE - near[1].start]
        image[near] = np.maximum(image[near], 0.1 + height / (1 + np.exp(distance - DIAMETER / 2)))
    image += generator.normal(0, generator.uniform(0.005, 0.01), image.shape)
    return np.clip(image, 0, 1).astype(np.float32), count


@pytest.fixture(scope="module")
def known() -> TrainingStatistics:
    images, counts = zip(*(one(seed) for seed in range(TRAINING)), strict=True)
    found = known_images(iter(images), counts, [DIAMETER] * TRAINING)
    assert found is not None
    return found


def counted(number: float, diameter: float | None = DIAMETER) -> ImageCount:
    return ImageCount(float(number), None, diameter)


def test_images_like_those_of_the_training_are_rarely_flagged(known: TrainingStatistics) -> None:
    new = [one(seed) for seed in range(1000, 1000 + NEW)]
    flagged = sum(bool(known.reasons(pixels, counted(count))) for pixels, count in new)
    # One in a hundred is meant; six in two hundred and forty is twice that, and a little chance.
    assert flagged <= 8


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("blur", "blurrier than the training images"),
        ("saturation", "more saturated than the training images"),
        ("noise", "looks unlike the training images: more noise"),
        ("dense", "times as dense as the densest training images"),
        ("light", "looks unlike the training images"),
    ],
)
def test_images_unlike_those_of_the_training_are_flagged(
    known: TrainingStatistics, name: str, said: str
) -> None:
    generator = np.random.default_rng(0)
    slope = np.linspace(0, 0.2, SIDE, dtype=np.float32)
    change = {
        "blur": lambda pixels: ndimage.gaussian_filter(pixels, 3),
        "saturation": lambda pixels: np.clip(3 * pixels, 0, 1),
        "noise": lambda pixels: pixels + generator.normal(0, 0.06, pixels.shape),
        "dense": lambda pixels: pixels,
        "light": lambda pixels: pixels + slope,
    }[name]
    more = 5 if name == "dense" else 1
    reasons = []
    for seed in range(2000, 2020):
        pixels, count = one(seed, density=more)
        changed = change(pixels).astype(np.float32)
        reasons.append(known.reasons(np.clip(changed, 0, 1), counted(count)))
    assert sum(any(said in reason for reason in each) for each in reasons) >= 18, reasons


def test_a_count_that_does_not_go_with_the_image_is_flagged(known: TrainingStatistics) -> None:
    pixels, _ = one(3000)
    assert any("fewer cells" in reason for reason in known.reasons(pixels, counted(0)))


def test_cells_of_another_size_are_named(known: TrainingStatistics) -> None:
    reasons = known.reasons(one(0)[0], counted(10, diameter=40.0))
    assert "cells of 40 px (training images 12 to 12 px)" in reasons


def test_without_a_diameter_that_of_the_training_is_taken(known: TrainingStatistics) -> None:
    pixels, count = one(3001)
    assert known.look(pixels, counted(count, None)) == known.look(pixels, counted(count))


def test_another_kind_of_images_is_known_as_a_whole(known: TrainingStatistics) -> None:
    def distances(blurred: float) -> list[float]:
        drawn = [one(seed) for seed in range(4000, 4030)]
        return [
            known.look(ndimage.gaussian_filter(pixels, blurred), counted(count)).distance
            for pixels, count in drawn
        ]

    assert known.change_of_domain(distances(0.0)) == ""
    assert "30 of 30 look less usual" in known.change_of_domain(distances(2.0))
    assert known.change_of_domain(distances(2.0)[:7]) == ""


def test_a_single_strange_training_image_does_not_hide_others(known: TrainingStatistics) -> None:
    images, counts = zip(*(one(seed) for seed in range(40)), strict=True)
    empty = np.clip(np.random.default_rng(1).normal(0.1, 0.02, (SIDE, SIDE)), 0, 1)
    with_empty = known_images([*images, empty.astype(np.float32)], [*counts, 0], [DIAMETER] * 41)
    without = known_images(images, counts, [DIAMETER] * 40)
    assert with_empty is not None
    assert without is not None
    assert with_empty.distance_limit < 1.3 * without.distance_limit
    assert with_empty.reasons(empty.astype(np.float32), counted(0))


def test_what_is_known_survives_a_json_file(known: TrainingStatistics) -> None:
    stored = json.loads(json.dumps(known.model_dump(mode="json")))
    assert settings_from(stored, TrainingStatistics) == known


def test_few_training_images_say_nothing() -> None:
    images, counts = zip(*(one(seed) for seed in range(LEAST_IMAGES)), strict=True)
    assert known_images(images[1:], counts[1:], [DIAMETER] * (LEAST_IMAGES - 1)) is None
    assert known_images(images, counts, [float("nan")] * LEAST_IMAGES) is None
    found = known_images(images, counts, [*[DIAMETER] * (LEAST_IMAGES - 1), float("nan")])
    assert found is not None
    assert found.diameter == (DIAMETER, DIAMETER, DIAMETER)


def test_counts_of_other_images_are_refused() -> None:
    images, counts = zip(*(one(seed) for seed in range(LEAST_IMAGES)), strict=True)
    with pytest.raises(InputError, match="one count and one diameter"):
        known_images(images[1:], counts, [DIAMETER] * LEAST_IMAGES)
    with pytest.raises(InputError, match="one count and one diameter"):
        known_images(images, counts, [DIAMETER] * (LEAST_IMAGES + 1))
