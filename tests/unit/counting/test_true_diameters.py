import dataclasses

import numpy as np
import pytest

from adaptoscope.counting.true_diameters import diameters_of_cells
from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.images.cell_centres import centres_of_labels


def disc(shape: tuple[int, int], row: float, column: float, diameter: float) -> np.ndarray:
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(rows - row, columns - column) < diameter / 2


@pytest.fixture
def cells(tmp_path) -> CountedImageSet:
    mask = np.zeros((100, 140), dtype=np.uint16)
    mask[disc(mask.shape, 30, 30, 20)] = 1
    mask[disc(mask.shape, 60, 100, 40)] = 7
    writer = CountedImageWriter(tmp_path / "cells", {"seed": 0}, "Discs")
    writer.add("discs", (mask > 0) * 0.5, points=centres_of_labels(mask), mask=mask)
    writer.add("bare", (mask > 0) * 0.5, points=centres_of_labels(mask))
    return writer.finish("Discs for a test.")


def test_a_cell_is_as_large_as_in_the_mask(cells):
    record = next(record for record in cells if record.name.startswith("discs"))

    found = diameters_of_cells(cells, record, cells.read(record), cells.points(record))

    assert found == pytest.approx([20, 40], rel=0.03)


def test_a_centre_beside_its_cell_takes_the_nearest_one(cells):
    record = next(record for record in cells if record.name.startswith("discs"))
    beside = np.array([[30.0, 43.0], [99.4, 139.4]])

    found = diameters_of_cells(cells, record, cells.read(record), beside)

    assert found == pytest.approx([20, 40], rel=0.03)


def test_without_a_mask_the_list_says_the_diameter_and_without_that_the_image(cells):
    record = next(record for record in cells if record.name.startswith("bare"))
    image, true = cells.read(record), cells.points(record)
    listed = dataclasses.replace(record, cell_diameter_px=17.0)

    assert diameters_of_cells(cells, listed, image, true).tolist() == [17.0, 17.0]
    # The median of the two discs' areas.
    measured = diameters_of_cells(cells, record, image, true)
    assert measured == pytest.approx([np.sqrt((20**2 + 40**2) / 2)] * 2, rel=0.05)


def test_where_nothing_can_be_measured_the_papers_diameter_is_taken(cells):
    record = next(record for record in cells if record.name.startswith("bare"))
    image = dataclasses.replace(cells.read(record), pixels=np.zeros((100, 140), np.float32))

    assert diameters_of_cells(cells, record, image, np.zeros((1, 2))).tolist() == [15.0]
