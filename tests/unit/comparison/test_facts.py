import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from adaptoscope.comparison.facts import measure_facts
from adaptoscope.datasets.counted_images import CountedImageSet

Write = Callable[..., CountedImageSet]


def test_the_measures_are_those_that_the_images_were_drawn_with(
    original: CountedImageSet,
) -> None:
    found = measure_facts(original, len(original), "measure")
    assert found.median(lambda image: image.diameter) == pytest.approx(16, rel=0.1)
    assert found.median(lambda image: image.background) == pytest.approx(0.06, abs=0.005)
    assert found.median(lambda image: image.contrast) == pytest.approx(0.28, rel=0.2)
    assert found.median(lambda image: image.noise) == pytest.approx(0.006 / 0.28, rel=0.3)
    assert found.median(lambda image: image.clipped) == 0
    assert found.cells_per_mpx(marked=True) == pytest.approx(14e6 / 144**2)
    assert found.cells_per_mpx(marked=False) == pytest.approx(14e6 / 144**2, rel=0.05)
    assert found.histogram.sum() == 6 * 144**2
    assert found.labelled


def test_magnification_does_not_change_the_focus(
    original: CountedImageSet, write: Write, tmp_path: Path
) -> None:
    doubled = write(tmp_path / "doubled", lambda p: np.kron(p, np.ones((2, 2))), marked=False)
    one, other = (
        measure_facts(images, 6, "").median(lambda i: i.sharpness) for images in (original, doubled)
    )
    assert other == pytest.approx(one, rel=0.25)


def test_a_set_is_labelled_only_if_all_its_images_are(write: Write, tmp_path: Path) -> None:
    found = measure_facts(write(tmp_path / "unlabelled", marked=False), 6, "")
    assert not found.labelled
    assert found.images[0].marked is None


def test_an_image_without_cells_has_no_measures_of_cells(write: Write, tmp_path: Path) -> None:
    found = measure_facts(write(tmp_path / "empty", cells=0), 6, "")
    for name in ("diameter", "contrast", "sharpness", "noise", "unevenness"):
        assert math.isnan(found.median(lambda image, name=name: getattr(image, name)))


def test_the_most_frequent_value_is_told(original: CountedImageSet) -> None:
    found = measure_facts(original, 6, "")
    assert found.usual(lambda image: image.shape) == ((144, 144), True)
    assert found.usual(lambda image: image.name)[1] is False
