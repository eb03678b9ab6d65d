import dataclasses
import math

import numpy as np
import pytest

from adaptoscope.comparison.encoder_distance import EncoderDistance
from adaptoscope.comparison.facts import ImageFacts, SetFacts
from adaptoscope.comparison.quantities import Quantity, quantities
from adaptoscope.comparison.settings import ComparisonSettings
from adaptoscope.metrics.distributions import intensity_histogram
from adaptoscope.metrics.intervals import Interval

IMAGE = ImageFacts(
    name="a.png",
    sha256="0",
    shape=(100, 200),
    bit_depth=8,
    pixel_size_um=0.5,
    clipped=0.0,
    sharpness=3.0,
    noise=0.05,
    background=0.1,
    unevenness=0.02,
    contrast=0.2,
    diameter=10.0,
    found=20,
    marked=22,
)
LOOK = EncoderDistance(Interval(0.3, 0.2, 0.4), 0.1, Interval(0.95, 0.9, 1.0), 64, (8, 9))


def facts(level: float = 0.1, **changes: object) -> SetFacts:
    image = dataclasses.replace(IMAGE, **changes)
    histogram = intensity_histogram(np.full((10, 10), level))
    return SetFacts("folder", 3, (image, image), histogram)


def rows(a: SetFacts, b: SetFacts, look: EncoderDistance = LOOK) -> dict[str, Quantity]:
    return {row.name: row for row in quantities((a, b), look, ComparisonSettings())}


@pytest.mark.parametrize(
    ("change", "name", "difference", "verdict"),
    [
        ({"diameter": 18.0}, "cell_diameter", 1.8, "differs strongly"),
        ({"diameter": 8.0}, "cell_diameter", 1.25, "differs"),
        ({"clipped": 0.02}, "saturation", 0.02, "differs"),
        ({"background": 0.4}, "background", 1.5, "differs strongly"),
        ({"contrast": 0.1}, "contrast", 2.0, "differs"),
        ({"noise": 0.102}, "noise", 2.0, "differs"),
        ({"sharpness": 1.0}, "focus", 3.0, "differs strongly"),
        ({"unevenness": 0.04}, "unevenness", 0.02, "alike"),
        ({"pixel_size_um": 0.65}, "pixel_size", 1.3, "differs"),
        ({"marked": 88}, "density", 4.0, "differs strongly"),
        ({"bit_depth": 16}, "bit_depth", 1.0, "differs"),
        ({"shape": (100, 201)}, "image_size", 1.0, "differs"),
    ],
)
def test_a_difference_is_found_where_it_is(
    change: dict[str, object], name: str, difference: float, verdict: str
) -> None:
    row = rows(facts(), facts(**change))[name]
    assert row.difference == pytest.approx(difference, rel=1e-6)
    assert row.verdict == verdict


def test_equal_sets_are_alike_in_every_measure_of_the_images() -> None:
    found = rows(facts(), facts())
    assert {n for n, row in found.items() if row.verdict != "alike"} == {"look", "told_apart"}


def test_densities_are_those_of_marked_cells_only_where_both_sets_have_them() -> None:
    marked = rows(facts(), facts())["density"]
    assert (marked.a, marked.note) == (pytest.approx(1100), "from points")
    found = rows(facts(), facts(marked=None))["density"]
    assert (found.a, found.b) == (pytest.approx(1000), pytest.approx(1000))
    assert "without labels" in found.note


def test_covered_area_follows_from_density_and_diameter() -> None:
    assert rows(facts(), facts())["covered"].a == pytest.approx(1100e-6 * math.pi / 4 * 100)


def test_intensities_are_compared_in_contrasts_of_a() -> None:
    row = rows(facts(0.1), facts(0.3, contrast=9.0))["histogram"]
    assert row.difference == pytest.approx(0.2 / 0.2, rel=1e-3)
    assert (row.a, row.b) == (pytest.approx(0.1, abs=1e-4), pytest.approx(0.3, abs=1e-4))


def test_a_pixel_size_that_is_not_stated_is_not_known() -> None:
    row = rows(facts(), facts(pixel_size_um=None))["pixel_size"]
    assert (row.a, row.b, row.verdict, row.note) == (0.5, None, "not known", "not stated in B")


def test_what_is_not_seen_is_not_known() -> None:
    nothing = {"diameter": math.nan, "contrast": math.nan, "sharpness": math.nan}
    for pair in ((facts(), facts(**nothing)), (facts(**nothing), facts())):
        found = rows(*pair)
        assert {found[n].verdict for n in ("cell_diameter", "contrast", "focus")} == {"not known"}


def test_looks_are_measured_against_the_floor() -> None:
    found = rows(facts(), facts())
    assert found["look"].difference == pytest.approx(3.0)
    assert found["look"].verdict == "differs"
    assert found["told_apart"].verdict == "differs strongly"
    unsure = dataclasses.replace(LOOK, kernel=Interval(0.3, -0.1, 0.7))
    assert rows(facts(), facts(), unsure)["look"].verdict == "alike"
    nearer = dataclasses.replace(LOOK, kernel=Interval(-0.1, -0.2, 0.0), auc=None)
    found = rows(facts(), facts(), nearer)
    assert found["look"].verdict == "alike"
    assert found["told_apart"].verdict == "not known"


def test_several_sizes_of_images_are_mentioned() -> None:
    a = facts()
    other = dataclasses.replace(IMAGE, shape=(50, 50))
    mixed = dataclasses.replace(a, images=(*a.images, other))
    row = rows(mixed, a)["image_size"]
    assert (row.verdict, row.note) == ("alike", "several in A; the most frequent is shown")
