from pathlib import Path

import numpy as np
import pytest

from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.errors import InputError
from adaptoscope.style_transfer.style_tokens.density_groups import (
    group_by_density,
    limits_of,
)
from adaptoscope.style_transfer.style_tokens.settings import DensityRule
from tests.unit.style_transfer.conftest import write_set

# The test images hold 3, 4 and 5 discs in 64 x 64 pixels, by turns.
BY_LABEL = DensityRule(source="labels", limits=(3.5, 4.5), per_class=None)


def test_limits_per_area_are_those_of_the_papers_field() -> None:
    low, high = limits_of(DensityRule(measure="cells_per_mpx"))
    assert low * 0.48 == pytest.approx(100)
    assert high * 0.48 == pytest.approx(200)


def test_images_are_grouped_by_their_count(tmp_path: Path) -> None:
    groups = group_by_density(write_set(tmp_path, 6), BY_LABEL)
    assert list(groups) == ["low", "medium", "high"]
    assert [[record.count for record in group] for group in groups.values()] == [
        [3, 3],
        [4, 4],
        [5, 5],
    ]


def test_density_means_the_same_in_fields_of_any_size(tmp_path: Path) -> None:
    per_mpx = 64 * 64 / 1e6
    rule = BY_LABEL.changed(measure="cells_per_mpx", limits=(3.5 / per_mpx, 4.5 / per_mpx))
    groups = group_by_density(write_set(tmp_path, 3), rule)
    assert [len(group) for group in groups.values()] == [1, 1, 1]


def test_cells_are_counted_without_labels(tmp_path: Path) -> None:
    writer = CountedImageWriter(tmp_path, {}, "Grids of discs")
    rows, columns = np.indices((120, 120))
    for name, step in (("few", 60), ("many", 24)):
        near = ((rows % step - step // 2) ** 2 + (columns % step - step // 2) ** 2) < 40
        writer.add(name, np.where(near, 0.8, 0.1).astype(np.float32), points=None)
    images = writer.finish("Made for a test.")
    groups = group_by_density(images, DensityRule(limits=(10.0, 20.0)))
    assert {name: [r.stem for r in group] for name, group in groups.items()} == {
        "low": ["few"],
        "high": ["many"],
    }
    with pytest.raises(InputError, match="no count"):
        group_by_density(images, BY_LABEL)


def test_only_training_images_are_grouped(tmp_path: Path) -> None:
    images = write_set(tmp_path, 4, splits="train val test train")
    groups = group_by_density(images, BY_LABEL.changed(limits=(1e3, 1e4)))
    assert {name: [r.split for r in group] for name, group in groups.items()} == {
        "low": ["train", "train"]
    }


def test_the_images_of_a_class_are_drawn_by_seed(tmp_path: Path) -> None:
    images = write_set(tmp_path, 6)
    rule = DensityRule(source="labels", per_class=2)
    drawn = [
        [record.stem for record in group_by_density(images, rule.changed(seed=seed))["low"]]
        for seed in (0, 0, 1, 2, 3)
    ]
    assert drawn[0] == drawn[1]
    assert {len(names) for names in drawn} == {2}
    assert len({tuple(names) for names in drawn}) > 1
