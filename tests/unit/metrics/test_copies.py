import os
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage
from scipy.ndimage import gaussian_filter

from adaptoscope.datasets.counted_images import CountedImageSet, open_counted_images
from adaptoscope.errors import InputError
from adaptoscope.images.cell_centres import points_in_window
from adaptoscope.images.matching import match_histogram
from adaptoscope.metrics.copies import THRESHOLD, CorrelationSearch, check_copies
from adaptoscope.synthesis.generate import draw_synthetic
from adaptoscope.synthesis.settings import SynthesisSettings

# 128 is twice the reduced edge, so that shrinking is tested too; fields hold 1.5 x 2 of them.
EDGE = 128
FIELD = (192, 256)


def field(seed: int) -> np.ndarray:
    """Bright dots at random places, with noise."""
    rng = np.random.default_rng(seed)
    dots = np.zeros(FIELD)
    dots[rng.integers(0, FIELD[0], 60), rng.integers(0, FIELD[1], 60)] = 1.0
    return gaussian_filter(dots, 4) * 60 + 0.05 * rng.standard_normal(FIELD)


@pytest.fixture(scope="module")
def search() -> CorrelationSearch:
    return CorrelationSearch(((f"field{seed}", field(seed)) for seed in range(4)), EDGE)


@pytest.mark.parametrize("place", [(0, 0), (64, 128), (37, 81)])
def test_a_noisy_copy_is_found_at_any_offset(
    search: CorrelationSearch, place: tuple[int, int]
) -> None:
    top, left = place
    cut = field(2)[top : top + EDGE, left : left + EDGE]
    noisy = 0.3 * cut + 0.4 + 0.02 * np.random.default_rng(9).standard_normal(cut.shape)
    assert search.largest(noisy) > 0.9
    assert search.largest(noisy, "field2") < 0.7


def test_the_correlation_is_that_of_numpy() -> None:
    small = np.random.default_rng(0).standard_normal((40, 50))
    search = CorrelationSearch([("one", small)], 32)
    picture = np.random.default_rng(1).standard_normal((32, 32))

    def prepared(raw: np.ndarray) -> np.ndarray:
        above = raw - np.median(raw)
        pixels = np.arcsinh(above / (3 * (1.4826 * np.median(np.abs(above)) + 0.01 * np.ptp(raw))))
        return pixels - gaussian_filter(pixels, 6.0)

    target, template = prepared(small), prepared(picture).ravel()
    expected = max(
        np.corrcoef(template, target[row : row + 32, column : column + 32].ravel())[0, 1]
        for row in range(9)
        for column in range(19)
    )
    assert search.largest(picture) == pytest.approx(expected, abs=1e-3)


def test_a_picture_without_structure_is_no_copy(search: CorrelationSearch) -> None:
    assert search.largest(np.full((EDGE, EDGE), 0.4)) == 0.0


def test_copies_among_made_pictures_are_named_and_new_ones_are_not(
    search: CorrelationSearch,
) -> None:
    made = [
        field(10)[:EDGE, :EDGE],
        field(3)[20 : 20 + EDGE, 40 : 40 + EDGE],
        field(11)[:EDGE, :EDGE],
    ]
    between_real = [
        search.excess(field(seed)[32 : 32 + EDGE, 64 : 64 + EDGE], f"field{seed}")
        for seed in range(4)
    ]
    found = check_copies([search.excess(picture) for picture in made], between_real, "abc")
    assert found.copies == ("b",)
    assert found.highest > 0.9 > found.threshold > found.real_highest
    assert (found.pictures, found.real_pictures, found.real_copies) == (3, 4, 0)


def spot(places: list[tuple[int, int]], shape: tuple[int, int], seed: int) -> np.ndarray:
    """A few round cells, with noise."""
    dots = np.zeros(shape)
    for place in places:
        dots[place] = 1.0
    noise = 0.02 * np.random.default_rng(seed).standard_normal(shape)
    return gaussian_filter(dots, 5) * 160 + noise


def test_a_picture_of_one_cell_is_found_everywhere_and_is_no_copy() -> None:
    """Correlation alone would call it one: its mirror images are found as well as itself."""
    real = [(f"{n}", spot([(60 + 5 * n, 120)], FIELD, n)) for n in range(4)]
    search = CorrelationSearch(real, EDGE)
    picture = spot([(50, 75)], (EDGE, EDGE), 9)
    assert search.largest(picture) > 0.8
    assert search.excess(picture) < 0.2


def test_a_picture_that_is_its_own_mirror_image_does_not_stand_out() -> None:
    one = field(0)[:EDGE, :EDGE]
    both = one + one[::-1]
    symmetric = both + both[:, ::-1]
    assert CorrelationSearch([("one", symmetric)], EDGE).excess(symmetric) == pytest.approx(0.0)


def test_a_copy_among_few_cells_is_found_by_where_they_lie() -> None:
    cells = [(40, 50), (90, 60), (70, 110)]
    real = [("real", spot(cells, FIELD, 0)), ("other", spot([(100, 200)], FIELD, 1))]
    copy = np.roll(spot(cells, FIELD, 5), (3, 7), (0, 1))[:EDGE, 5 : 5 + EDGE]
    assert CorrelationSearch(real, EDGE).excess(copy) > THRESHOLD


def test_the_excess_is_the_share_of_the_way_from_chance_to_identity(
    search: CorrelationSearch,
) -> None:
    cut = field(2)[:EDGE, :EDGE] + np.random.default_rng(0).normal(0, 0.3, (EDGE, EDGE))
    turned = [search.largest(each) for each in (cut[::-1], cut[:, ::-1], cut[::-1, ::-1])]
    expected = (search.largest(cut) - max(turned)) / (1 - max(turned))
    assert search.excess(cut) == pytest.approx(expected)
    assert search.excess(cut) == pytest.approx(search.excess(0.2 * cut + 0.5), abs=1e-3)


def test_real_pictures_that_pass_for_copies_are_counted_and_hide_none() -> None:
    """Fields of one place overlap; they must not make copies look usual."""
    found = check_copies([0.9, 0.1], [0.95, 0.9, 0.0, float("nan")], ["a", "b"])
    assert found.copies == ("a",)
    assert (found.real_pictures, found.real_copies, found.real_highest) == (3, 2, 0.95)


def test_without_another_real_image_copies_are_found_all_the_same() -> None:
    search = CorrelationSearch([("one", field(0))], EDGE)
    cut = field(0)[:EDGE, :EDGE]
    alone = search.excess(cut, "one")
    assert np.isnan(alone)
    found = check_copies([search.excess(cut), 0.1], [alone, alone], ["a", "b"])
    assert found.copies == ("a",)
    assert (found.real_pictures, found.real_highest, found.real_copies) == (0, None, 0)


def real_images() -> CountedImageSet:
    data = os.environ.get("ADAPTOSCOPE_DATA")
    if not data or not (Path(data) / "idcia-dapi").is_dir():
        pytest.skip("ADAPTOSCOPE_DATA does not hold idcia-dapi")
    return open_counted_images(Path(data) / "idcia-dapi")


def altered_crop(
    pixels: np.ndarray, centres: np.ndarray, rng: np.random.Generator
) -> np.ndarray | None:
    """Cut at a random place, moved by a part of a pixel, brighter, blurred and noisy.

    None where it holds fewer than three cells.
    """
    top, left = (int(rng.integers(side - 256)) for side in pixels.shape)
    if len(points_in_window(centres, top, left, 256, 256)) < 3:
        return None
    cut = ndimage.shift(pixels[top : top + 256, left : left + 256], rng.uniform(-0.5, 0.5, 2))
    changed = gaussian_filter(cut / cut.max(), rng.uniform(0.5, 1.5)) ** rng.uniform(0.7, 1.0)
    return changed + rng.normal(0, 0.2 * changed.std(), changed.shape)


@pytest.mark.slow
def test_altered_crops_of_real_images_are_found_and_unrelated_pictures_are_not() -> None:
    """Drawings with the histogram of a real image correlate highly with it, and copy nothing."""
    images = real_images()
    chosen = images.split("train").records[::2]
    originals = [images.read(record).pixels for record in chosen]
    search = CorrelationSearch(((f"{n}", each) for n, each in enumerate(originals)), 256)
    rng = np.random.default_rng(0)
    copies, drawn, others = [], [], []
    for n, (record, pixels) in enumerate(zip(chosen, originals, strict=True)):
        crop = altered_crop(pixels, images.points(record), rng)
        if crop is not None:
            copies.append(search.excess(crop))
        settings = SynthesisSettings(cell_diameter_px=12.0, count_mean=(5, 20, 80)[n % 3])
        drawing = draw_synthetic(settings, np.random.default_rng(n)).pixels
        drawn.append(search.excess(match_histogram(drawing, pixels)))
    for record in images.split("val"):
        others.append(search.excess(images.read(record).pixels[:256, :256]))
    assert len(copies) >= 15
    assert min(copies) >= THRESHOLD
    assert max(drawn) < THRESHOLD
    assert max(others) < THRESHOLD


def test_impossible_searches_are_refused() -> None:
    with pytest.raises(InputError, match="too small"):
        CorrelationSearch([("one", np.zeros((EDGE, 100)))], EDGE)
    with pytest.raises(InputError, match="no image"):
        CorrelationSearch([], EDGE)
    with pytest.raises(InputError, match="cannot be looked for"):
        CorrelationSearch([("one", field(0))], EDGE).largest(np.zeros((EDGE, EDGE - 1)))
    with pytest.raises(InputError, match="Copies cannot"):
        check_copies([], [0.1], [])
    with pytest.raises(InputError, match="Copies cannot"):
        check_copies([float("nan")], [0.1], ["a"])
    with pytest.raises(InputError, match="Copies cannot"):
        check_copies([0.5], [0.4], ["a", "b"])
