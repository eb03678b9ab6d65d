import pytest

from adaptoscope.datasets.density_classes import COUNT_LIMITS, class_of


@pytest.mark.parametrize(
    ("count", "name"),
    [(0, "low"), (99.5, "low"), (100, "medium"), (199, "medium"), (200, "high"), (900, "high")],
)
def test_the_papers_classes_begin_at_100_and_200_cells(count: float, name: str) -> None:
    assert class_of(count, COUNT_LIMITS) == name
    assert class_of(count / 0.48) == name
