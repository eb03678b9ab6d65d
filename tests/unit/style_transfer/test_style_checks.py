import pytest
import torch

from adaptoscope.style_transfer.style_checks import ROWS, fault_of_numbers, fault_of_tensors

SHAPES = {"a": (ROWS, "C"), "b": (ROWS, "C", 3)}


def test_tensors_that_fit_have_no_fault() -> None:
    assert fault_of_tensors({"a": torch.ones(2, 5), "b": torch.ones(2, 5, 3)}, SHAPES, 2) == ""


@pytest.mark.parametrize(
    ("a", "b", "rows", "fault"),
    [
        ((2, 5), (2, 5, 3), 3, "`a` of shape (2, 5) instead of (3, C)"),
        ((2, 5), (2, 4, 3), 2, "`b` of shape (2, 4, 3) instead of (2, 5, 3)"),
        ((2, 5), (2, 5), 2, "`b` of shape (2, 5) instead of (2, 5, 3)"),
        ((2, 0), (2, 0, 3), 2, "`a` of shape (2, 0) instead of (2, C)"),
        ((0, 5), (0, 5, 3), 0, "no style image"),
    ],
)
def test_what_does_not_fit_is_named(
    a: tuple[int, ...], b: tuple[int, ...], rows: int, fault: str
) -> None:
    assert fault_of_tensors({"a": torch.ones(a), "b": torch.ones(b)}, SHAPES, rows) == fault


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "1.0", None, True])
def test_what_is_no_finite_number_is_named(value: object) -> None:
    assert "`width" in fault_of_numbers({"height": 2, "width": value})
    assert fault_of_numbers({"height": 2, "width": 0.5}) == ""
