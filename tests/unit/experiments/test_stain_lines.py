import math
from typing import Any

from experiments.stain_study.lines import Line


def line(*fields_by_seed: list[float | None]) -> Line:
    task: Any = None
    return Line(
        task,
        tuple(
            {"test_fields": fields, "val": {"dapi": None}, "healthy": fields != []}
            for fields in fields_by_seed
        ),
    )


def test_several_fields_have_an_interval_over_fields() -> None:
    assert line([0.5, 0.7], [0.7, 0.9]).with_interval() == "0.700 [0.600, 0.800]"


def test_of_a_single_field_the_seeds_are_told() -> None:
    assert line([0.5], [0.9]).with_interval() == "0.700 (0.500 to 0.900)"
    assert line([0.5]).with_interval() == "0.500"


def test_fields_without_a_correlation_are_left_out() -> None:
    assert line([0.5, None, 0.7]).with_interval() == "0.600 [0.500, 0.700]"


def test_networks_that_say_no_numbers_have_no_figure_and_come_last() -> None:
    broken = line([], [0.5])
    assert broken.with_interval() == "–"
    assert broken.marked == 1
    assert broken.rank == -math.inf
