import xml.etree.ElementTree as ET

import imagecodecs
import numpy as np
import pytest

from adaptoscope.errors import InputError
from adaptoscope.reporting.figures import MethodCounts, display_image, scatter_panels

TRUE = np.array([10.0, 50.0, 200.0])


def method(name: str = "dog", factor: float = 1.1) -> MethodCounts:
    return MethodCounts(name, TRUE, factor * TRUE, float(np.abs(factor - 1) * TRUE.mean()))


def test_a_scatter_plot_is_the_same_bytes_each_time_and_holds_no_date() -> None:
    first = scatter_panels([method(), method("constant", 0.5)])
    scatter_panels([method("something else")])
    second = scatter_panels([method(), method("constant", 0.5)])
    assert first.content == second.content
    assert b"dc:date" not in first.content


def test_many_panels_are_the_same_bytes_each_time() -> None:
    """The solver that lays out plots is not: its last digits depend on where objects lie."""
    methods = [method(f"row {index}") for index in range(13)]
    held = []
    made = set()
    for index in range(12):
        held.append(bytearray(997 * index))
        made.add(scatter_panels(methods).content)
    assert len(made) == 1


def test_every_method_has_a_panel_and_a_place_in_the_alternative_text() -> None:
    picture = scatter_panels([method(f"method {index}") for index in range(5)], columns=4)
    root = ET.fromstring(picture.content)
    panels = [node for node in root.iter() if node.get("id", "").startswith("axes_")]
    assert len(panels) == 5
    assert picture.alt.endswith("method 0, method 1, method 2, method 3, method 4.")
    assert picture.address.startswith("data:image/svg+xml;base64,")


@pytest.mark.parametrize(
    "methods",
    [
        [],
        [MethodCounts("dog", TRUE, TRUE[:2], 0.0)],
        [MethodCounts("dog", TRUE[:0], TRUE[:0], 0.0)],
    ],
    ids=["none", "lengths differ", "no image"],
)
def test_counts_that_cannot_be_drawn_are_refused(methods: list[MethodCounts]) -> None:
    with pytest.raises(InputError):
        scatter_panels(methods)


def test_an_image_is_stretched_and_says_over_what_range() -> None:
    pixels = np.linspace(0.02, 0.06, 64 * 64).reshape(64, 64)
    picture = display_image(pixels, alt="ramp", caption="a.tif")
    shown = imagecodecs.png_decode(picture.content)
    assert shown.shape == (64, 64, 3)
    assert shown.min() == 0
    assert shown.max() == 255
    assert picture.caption == "a.tif (shown: 0.02 to 0.06)"


def test_the_centre_is_cut_out_so_that_scales_agree() -> None:
    pixels = np.zeros((600, 800))
    pixels[172:428, 272:528] = np.arange(256)
    shown = imagecodecs.png_decode(display_image(pixels, alt="field").content)
    assert shown.shape == (256, 256, 3)
    assert (np.diff(shown[0, :, 0].astype(int)) >= 0).all()
    whole = imagecodecs.png_decode(display_image(pixels, alt="field", crop=None).content)
    assert whole.shape == (600, 800, 3)


def test_points_are_marked_at_row_and_column_of_the_part_that_is_shown() -> None:
    points = np.array([[150.0, 140.0], [3.0, 3.0], [-40.0, 900.0]])
    picture = display_image(np.zeros((300, 300)), alt="cells", points=points, crop=256)
    shown = imagecodecs.png_decode(picture.content).astype(int)
    rows, columns = np.nonzero(shown[..., 0] != shown[..., 2])
    assert (rows.min(), rows.max()) == (150 - 22 - 1, 150 - 22 + 1)
    assert (columns.min(), columns.max()) == (140 - 22 - 1, 140 - 22 + 1)


def test_a_constant_image_is_black_and_not_an_error() -> None:
    shown = imagecodecs.png_decode(display_image(np.full((8, 8), 0.3), alt="flat").content)
    assert not shown.any()


def test_a_colour_image_is_refused() -> None:
    with pytest.raises(InputError, match="cannot be shown"):
        display_image(np.zeros((8, 8, 3)), alt="colour")
