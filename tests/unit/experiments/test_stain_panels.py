import numpy as np

from experiments.stain_study.panels import busiest_window


def test_the_place_with_cells_is_enlarged() -> None:
    truth = np.zeros((2, 200, 300), np.float32)
    truth[0, 120:140, 210:230] = 1
    truth[1, 110:130, 200:220] = 100
    rows, columns = busiest_window(truth, 96)
    assert rows.start <= 110
    assert rows.stop >= 140
    assert columns.start <= 200
    assert columns.stop >= 230
    assert truth[:, rows, columns].shape == (2, 96, 96)


def test_fields_that_are_empty_or_small_have_a_window_too() -> None:
    assert busiest_window(np.zeros((1, 200, 200), np.float32), 96) == (slice(0, 96), slice(0, 96))
    rows, columns = busiest_window(np.ones((1, 50, 40), np.float32), 96)
    assert np.ones((50, 40))[rows, columns].shape == (50, 40)
