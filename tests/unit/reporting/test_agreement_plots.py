import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from adaptoscope.errors import InputError
from adaptoscope.metrics.limits_of_agreement import limits_of_agreement
from adaptoscope.reporting.agreement_plots import agreement_panels, differences_by_class
from adaptoscope.reporting.figures import MethodCounts

TRUE = np.array([10.0, 50.0, 200.0, 120.0])
PREDICTED = TRUE + np.array([2.0, -4.0, 9.0, 1.0])


def panels(true: np.ndarray = TRUE, predicted: np.ndarray = PREDICTED) -> bytes:
    counts = MethodCounts("dog", true, predicted, 4.0)
    return agreement_panels(counts, limits_of_agreement(predicted, true)).content


def dots(content: bytes) -> list[int]:
    """Count the marks of each collection of dots in a plot."""
    root = ET.fromstring(content)
    groups = [n for n in root.iter() if n.get("id", "").startswith("PathCollection")]
    return [sum(1 for n in group.iter() if n.tag.endswith("}use")) for group in groups]


def test_each_image_is_a_dot_in_both_panels() -> None:
    assert dots(panels()) == [4, 4]


def test_bias_and_limits_are_lines_and_stand_in_words() -> None:
    counts = MethodCounts("dog", TRUE, PREDICTED, 4.0)
    picture = agreement_panels(counts, limits_of_agreement(PREDICTED, TRUE))

    dashed = re.findall(rb"stroke-dasharray", picture.content)
    assert len(dashed) == 2
    assert "Bias +2.00 cells, limits of agreement -8.49 to +12.49 cells" in picture.alt


def test_one_image_has_no_limits_and_still_a_plot() -> None:
    content = panels(TRUE[:1], PREDICTED[:1])
    assert dots(content) == [1, 1]
    assert b"stroke-dasharray" not in content


def test_plots_are_the_same_bytes_each_time() -> None:
    by_class = {"high": np.array([1.0, 2.0]), "low": np.array([-3.0])}
    first = differences_by_class(by_class)
    assert panels() == panels()
    assert first.content == differences_by_class(by_class).content
    assert "high, mean +1.50; low, mean -3.00" in first.alt
    assert dots(first.content) == [2, 1]


def test_counts_that_do_not_belong_together_and_classes_without_images_are_refused() -> None:
    with pytest.raises(InputError):
        agreement_panels(
            MethodCounts("dog", TRUE, PREDICTED[:2], 1.0), limits_of_agreement(TRUE, TRUE)
        )
    for classes in ({}, {"low": np.array([])}):
        with pytest.raises(InputError):
            differences_by_class(classes)
