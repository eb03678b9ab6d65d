import pytest

from adaptoscope.errors import InputError
from adaptoscope.reporting.label_curve import CurvePoint, label_curve_plot, label_curve_table

POINTS = [
    CurvePoint("real only", 20, (6.0, 8.0)),
    CurvePoint("real only", 2, (30.0, 20.0)),
    CurvePoint("nuclei", 0, (7.5,)),
]


def test_the_table_has_a_column_for_every_number_of_labels_in_their_order() -> None:
    table = label_curve_table(POINTS)
    assert table.columns == ("Curve", "0 labels", "2 labels", "20 labels")
    assert table.rows == (
        ("real only", "–", "25.00 (20.00 to 30.00)", "7.00 (6.00 to 8.00)"),
        ("nuclei", "7.50", "–", "–"),
    )


def test_the_plot_names_its_curves_and_is_the_same_every_time() -> None:
    plot = label_curve_plot(POINTS)
    assert "real only, nuclei" in plot.alt
    assert plot.content.startswith(b"<?xml")
    assert label_curve_plot(POINTS).content == plot.content
    assert label_curve_plot(POINTS[:2]).content != plot.content


def test_a_counter_without_any_error_can_be_drawn() -> None:
    assert label_curve_plot([CurvePoint("perfect", 0, (0.0,))]).content


def test_two_rows_at_one_place_of_a_curve_are_refused() -> None:
    twice = [*POINTS, CurvePoint("nuclei", 0, (8.0,))]
    for show in (label_curve_plot, label_curve_table):
        with pytest.raises(InputError, match="curve nuclei has two rows"):
            show(twice)


def test_nothing_is_no_curve() -> None:
    with pytest.raises(InputError, match="no curve"):
        label_curve_table([])
