import math

from adaptoscope.comparison.advice import advice
from adaptoscope.comparison.quantities import Quantity
from adaptoscope.comparison.settings import ComparisonSettings

NAMES = (
    *("bit_depth", "pixel_size", "saturation", "focus", "noise", "background", "unevenness"),
    *("contrast", "histogram", "cell_diameter", "density", "covered", "look", "told_apart"),
)


def said(**values: tuple[float, float]) -> str:
    """Give advice where the named quantities differ, with their values in A and B."""
    rows = []
    for name in NAMES:
        a, b = values.get(name, (1e-3, 1e-3))
        verdict = "differs" if name in values else "alike"
        ratio = max(a, b) / min(a, b) if min(a, b) > 0 else math.inf
        words = f"{name.replace('_', ' ')} (in its unit)"
        rows.append(Quantity(name, words, a, b, ratio, "ratio", verdict))
    return "\n".join(advice(rows, ("first", "second"), ComparisonSettings()))


def test_sets_that_are_alike_are_said_to_be() -> None:
    assert said().splitlines() == [
        "The sets are alike in everything that matters to a counter.",
        "How well a counter does on B, only counting tells: "
        "`adaptoscope count check second --n 10`.",
    ]


def test_larger_cells_are_told_to_the_counter() -> None:
    text = said(cell_diameter=(15.0, 27.0))
    assert "Cells are 1.8 times larger in B (27 px against 15 px)" in text
    assert "`nuclei` measures that in each image" in text
    assert "`adaptoscope count predict second --model MODEL --diameter 27`" in text
    assert "Cells are 1.8 times smaller in B" in said(cell_diameter=(27.0, 15.0))


def test_a_pixel_size_explains_the_cell_size_or_does_not() -> None:
    assert "The pixel size explains it." in said(
        cell_diameter=(15.0, 30.0), pixel_size=(0.65, 0.325)
    )
    assert "in micrometres the ratio is 4.00" in said(
        cell_diameter=(15.0, 30.0), pixel_size=(0.325, 0.65)
    )


def test_saturation_is_named_for_the_set_that_has_it() -> None:
    assert "B is saturated (10.0 % of the pixels at the top)" in said(saturation=(0.0, 0.1))
    text = said(saturation=(0.1, 0.1))
    assert "A is saturated" in text
    assert "B is saturated" in text


def test_blur_and_noise_are_told_by_their_direction() -> None:
    assert "B is blurrier: borders of cells are 2.0 times less steep" in said(focus=(2.0, 1.0))
    assert "B is sharper" in said(focus=(1.0, 2.0))
    assert "B is 3.0 times noisier" in said(noise=(0.01, 0.03))
    assert "B is 3.0 times less noisy" in said(noise=(0.03, 0.01))


def test_other_densities_and_styles_have_their_commands() -> None:
    assert "cells cover 5.0 times more area in B" in said(covered=(0.02, 0.1))
    assert "`adaptoscope synthesise OUT --like second`" in said(covered=(0.02, 0.1))
    both = said(look=(0.1, 0.5), told_apart=(0.5, 0.9))
    assert "`adaptoscope style learn b.safetensors --images second`" in both
    assert "style learn" not in said(look=(0.1, 0.5))


def test_exposure_alone_is_said_to_be_harmless_to_networks() -> None:
    text = said(contrast=(0.1, 0.4), bit_depth=(8.0, 16.0))
    assert "Exposure differs (contrast, bit depth)" in text
    assert "`dog`" in text
    assert "The background of A is more uneven" in said(unevenness=(0.2, 0.1))
