import pytest

from adaptoscope.errors import InputError
from experiments.stain_study.layer_curves import (
    LayerCurve,
    MagnitudeCurve,
    layer_curves,
    magnitude_curves,
)

CURVE = LayerCurve("dapi", {2: [0.8, 0.9], 13: [0.7, 0.75]}, {"none": 0.5})


def test_a_plot_by_layer_is_the_same_every_time_and_names_its_curves() -> None:
    picture = layer_curves([CURVE], alt="by layer", caption="below")
    assert picture.content == layer_curves([CURVE], alt="by layer", caption="below").content
    assert picture.kind == "image/svg+xml"
    assert (picture.alt, picture.caption) == ("by layer", "below")
    other = LayerCurve("dapi", {2: [0.8, 0.9], 13: [0.1, 0.75]}, {"none": 0.5})
    assert layer_curves([other], alt="by layer").content != picture.content


def test_many_curves_by_magnitude_can_be_told_apart() -> None:
    curves = [MagnitudeCurve(f"layer {n}", {1.0: 0.9, 1.5: 0.8 - n / 50}) for n in range(9)]
    whole = magnitude_curves(curves, label="exposure", alt="by exposure")
    assert whole.content == magnitude_curves(curves, label="exposure", alt="by exposure").content
    # The fifth curve has the first's colour, and another dash.
    assert b"stroke-dasharray" in whole.content
    four = magnitude_curves(curves[:4], label="exposure", alt="by exposure")
    assert b"stroke-dasharray" not in four.content


@pytest.mark.parametrize("curves", [[], [LayerCurve("a", {})]])
def test_nothing_to_draw_is_refused(curves: list[LayerCurve]) -> None:
    with pytest.raises(InputError, match="no curve"):
        layer_curves(curves, alt="")
    with pytest.raises(InputError, match="no curve"):
        magnitude_curves([MagnitudeCurve("a", {}) for _ in curves], label="", alt="")
