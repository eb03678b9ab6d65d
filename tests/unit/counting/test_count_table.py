import csv

from adaptoscope.counting.count_table import COLUMNS, PredictedCount, write_count_table
from adaptoscope.datasets.foreign import PREDICTED_COLUMNS


def test_the_table_begins_as_the_contract_says(tmp_path):
    write_count_table(tmp_path / "counts.csv", [])

    head = (tmp_path / "counts.csv").read_text().strip()
    assert head == (
        "image,count,lower,upper,flag,region,area_mm2,per_mm2,pixel_size_um,diameter_px,model,error"
    )
    assert head.split(",") == list(COLUMNS)


def test_readers_of_sets_know_the_table_by_its_first_columns():
    assert COLUMNS[: len(PREDICTED_COLUMNS)] == PREDICTED_COLUMNS


def test_what_is_unknown_is_empty_and_numbers_have_the_figures_that_mean_something(tmp_path):
    row = PredictedCount(
        "a,b.png", count=1234.5678, upper=1300.04, area_mm2=0.00409612, per_mm2=301399.9,
        pixel_size_um=0.16125, diameter_px=9.974, error='say "no"',
    )  # fmt: skip
    write_count_table(tmp_path / "counts.csv", [row])

    (read,) = csv.DictReader((tmp_path / "counts.csv").open(newline=""))
    assert (read["image"], read["count"], read["lower"]) == ("a,b.png", "1234.57", "")
    assert (read["region"], read["error"]) == ("all", 'say "no"')
    assert (read["upper"], read["diameter_px"]) == ("1300", "10")
    assert (read["area_mm2"], read["per_mm2"]) == ("0.004096", "301400")
    assert read["pixel_size_um"] == "0.16125"
