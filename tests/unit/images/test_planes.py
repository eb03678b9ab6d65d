import numpy as np
import pytest

from adaptoscope.errors import InputError
from adaptoscope.images.planes import check_plane


def test_a_plane_is_let_through():
    check_plane(np.zeros((4, 4)), "measured", least=4)


@pytest.mark.parametrize(
    ("pixels", "found"),
    [
        (np.zeros((4, 4, 3)), "shape (4, 4, 3)"),
        (np.zeros((0, 4)), "shape (0, 4)"),
        (np.full((4, 4), np.nan), "shape (4, 4), with NaN or infinite pixels"),
    ],
)
def test_anything_else_is_refused(pixels, found):
    with pytest.raises(InputError, match="cannot be measured") as caught:
        check_plane(pixels, "measured")
    assert caught.value.found == found


def test_the_least_side_is_told():
    with pytest.raises(InputError) as caught:
        check_plane(np.zeros((4, 40)), "measured", least=16)
    assert "16 x 16" in caught.value.expected
