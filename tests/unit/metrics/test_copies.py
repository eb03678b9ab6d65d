import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from adaptoscope.errors import InputError
from adaptoscope.metrics.copies import CorrelationSearch, check_copies, largest_cosines

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

    def prepared(pixels: np.ndarray) -> np.ndarray:
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
        search.largest(field(seed)[32 : 32 + EDGE, 64 : 64 + EDGE], f"field{seed}")
        for seed in range(4)
    ]
    found = check_copies([search.largest(picture) for picture in made], between_real, "abc")
    assert found.copies == ("b",)
    assert found is not None
    assert found.highest > 0.95 > found.threshold > found.real_high


def test_copies_are_found_by_features() -> None:
    rng = np.random.default_rng(0)
    real = rng.standard_normal((20, 16)) + 30
    sources = [str(row // 2) for row in range(20)]
    made = rng.standard_normal((5, 16)) + 30
    made[2] = real[7]
    between_real = largest_cosines(real, real, (sources, sources))
    found = check_copies(largest_cosines(made, real), between_real, list("abcde"))
    assert found.copies == ("c",)
    assert found.highest == pytest.approx(1.0)


def test_rows_of_one_source_are_not_compared() -> None:
    rows = np.eye(4)[[0, 0, 1, 1]] + 0.1
    sources = ["a", "a", "b", "b"]
    assert largest_cosines(rows, rows).min() == pytest.approx(1.0)
    assert largest_cosines(rows, rows, (sources, sources)).max() < 0.0
    alone = ["a"] * 4
    assert np.isnan(largest_cosines(rows, rows, (alone, alone))).all()


def test_without_another_image_nothing_can_be_said_of_copies() -> None:
    search = CorrelationSearch([("one", field(0))], EDGE)
    alone = search.largest(field(0)[:EDGE, :EDGE], "one")
    assert np.isnan(alone)
    assert check_copies([0.99, 0.1], [alone, alone], ["a", "b"]) is None
    found = check_copies([0.99, 0.1], [alone, 0.2], ["a", "b"])
    assert found is not None
    assert found.copies == ("a",)
    assert (found.real_high, found.real_median, found.threshold) == (0.2, 0.2, 0.4)


def test_one_odd_pair_among_many_does_not_hide_copies() -> None:
    between_real = np.append(np.full(999, 0.5), 1.0)
    found = check_copies([0.9, 0.4], between_real, ["a", "b"])
    assert found is not None
    assert found.threshold == pytest.approx(0.625)
    assert found.copies == ("a",)


def test_impossible_searches_are_refused() -> None:
    with pytest.raises(InputError, match="too small"):
        CorrelationSearch([("one", np.zeros((EDGE, 100)))], EDGE)
    with pytest.raises(InputError, match="no image"):
        CorrelationSearch([], EDGE)
    with pytest.raises(InputError, match="cannot be looked for"):
        CorrelationSearch([("one", field(0))], EDGE).largest(np.zeros((EDGE, EDGE - 1)))
    with pytest.raises(InputError, match="Copies cannot"):
        check_copies([0.5], [], ["a"])
    with pytest.raises(InputError, match="Copies cannot"):
        check_copies([0.5], [0.4], ["a", "b"])
