import pytest

from adaptoscope.datasets.numbered import check_numbers, divide, write_numbered
from adaptoscope.errors import SettingsError


class Written:
    """Stands for a writer that was given some images before."""

    def __init__(self, *names):
        self.names = names

    def has(self, name):
        return name in self.names


def test_shares_hold_for_every_beginning():
    splits = divide(50, {"train": 0.6, "val": 0.2, "test": 0.2})
    assert [splits.count(name) for name in ("train", "val", "test")] == [30, 10, 10]
    assert abs(splits[:20].count("train") - 12) <= 1


@pytest.mark.parametrize("numbers", [(0, 0, 1), (1, -1, 1), (1, 0, 0)])
def test_impossible_numbers_are_refused(numbers):
    with pytest.raises(SettingsError, match="out of range"):
        check_numbers(*numbers)


def test_only_what_is_missing_is_drawn_and_all_is_told():
    drawn, told = [], []

    write_numbered(
        Written("cell_00001"), "cell", 3, lambda *what: drawn.append(what), on_image=told.append
    )

    assert drawn == [("cell_00000", 0), ("cell_00002", 2)]
    assert told == ["cell_00000", "cell_00001", "cell_00002"]
