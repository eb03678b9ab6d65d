import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptoscope.counting.many_sets import read_many_sets, shares_of
from adaptoscope.counting.peaks import BORDER
from adaptoscope.errors import InputError


def test_every_training_image_is_brought_to_the_working_diameter(real):
    images, hashes = read_many_sets([real], 20.0, 0.35)

    assert len(images.pixels) == 6
    assert sorted(hashes.values()) == [f"images/train{n}.png" for n in range(6)]
    crowded = images.pixels[-1].shape[0] - 2 * BORDER
    assert crowded == pytest.approx(128 * 20 / 11, rel=0.1)


def test_sets_without_labels_are_refused(real):
    with pytest.raises(InputError, match="no image to train on"):
        read_many_sets([real.with_records(())], 12.0, 0.35)


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 3), st.booleans()), min_size=2))
def test_shares_add_to_one_and_synthetic_images_get_theirs(rows):
    areas = np.array([float(area) for area, _, _ in rows])
    synthetic = np.array([drawn for _, _, drawn in rows])

    shares = shares_of(areas, [f"{g}{s}" for _, g, s in rows], synthetic, 0.35)

    assert shares.sum() == pytest.approx(1)
    assert (shares > 0).all()
    if synthetic.any() and not synthetic.all():
        assert shares[synthetic].sum() == pytest.approx(0.35)


def test_a_group_four_times_as_large_gets_twice_the_share():
    shares = shares_of(np.ones(5), ["a", "b", "b", "b", "b"], np.zeros(5, bool), 0.35)

    assert shares[1:].sum() == pytest.approx(2 * shares[0])
