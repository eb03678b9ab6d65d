import pytest

from adaptoscope.datasets.records import RECORD_COLUMNS, ImageRecord, image_record, split_name
from adaptoscope.errors import InputError
from adaptoscope.imageio.csv_tables import format_cell

FULL = ImageRecord(
    "images/a.png", 3, True, 12, 16, "DAPI", 8, 0.0, 255.0, 0.325, 9.5, 15625.0, "sparse", "lab",
    False, "plate 1", "train", 7, "ab" * 32, "drawn/a.png", "token", "compact", 0.7, 1.0,
    "stochastic", False, "lost cells", 0.5, 0.25, 0.3, 1, 2, 0,
)  # fmt: skip


def test_the_columns_of_the_contract():
    assert ",".join(RECORD_COLUMNS) == (
        "file_name,count,labelled,height,width,channel,bit_depth,intensity_low,intensity_high,"
        "pixel_size_um,cell_diameter_px,cells_per_mpx,density_class,domain,synthetic,group,split,"
        "seed,source_sha256,layout,style,backbone,strength,guidance,inversion,kept,reject_reason,"
        "precision,recall,f1,invented,lost,merged"
    )


@pytest.mark.parametrize("record", [FULL, ImageRecord("x.tif")])
def test_a_row_gives_its_record_again(record):
    row = dict(zip(RECORD_COLUMNS, map(format_cell, record.cells()), strict=True))
    assert image_record(row, "metadata.csv") == record


def test_an_empty_count_is_unknown_and_zero_is_none_there():
    assert image_record({"file_name": "a", "count": ""}, "t").count is None
    assert image_record({"file_name": "a", "count": "0"}, "t").count == 0


def test_base_names():
    record = ImageRecord("images/deep/field.1.ome.tif")
    assert (record.name, record.stem) == ("field.1.ome.tif", "field.1.ome")


@pytest.mark.parametrize(
    ("column", "text"),
    [("count", "-1"), ("f1", "1.1"), ("height", "0"), ("pixel_size_um", "-0.3"), ("file_name", "")],
)
def test_impossible_values_are_refused(column, text):
    with pytest.raises(InputError, match="impossible"):
        image_record({"file_name": "a.png", column: text}, "metadata.csv")


@pytest.mark.parametrize(
    ("text", "name"),
    [("Validation", "val"), ("TRAIN", "train"), ("testing", "test"), ("pool", "pool")],
)
def test_common_spellings_of_splits(text, name):
    assert split_name(text) == name
