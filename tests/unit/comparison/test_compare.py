import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from adaptoscope.comparison.compare import Comparison, compare
from adaptoscope.comparison.settings import ComparisonSettings
from adaptoscope.datasets.counted_images import CountedImageSet, open_counted_images
from adaptoscope.errors import InputError
from adaptoscope.imageio.files import write_image
from adaptoscope.images.degradation import blur
from adaptoscope.images.resampling import scaled
from adaptoscope.inference.network import Network

Write = Callable[..., CountedImageSet]

QUICK = ComparisonSettings(tile=64, halvings=4)


def differing(found: Comparison) -> set[str]:
    return {row.name for row in found.rows if row.verdict.startswith("differs")}


def enlarged(pixels: np.ndarray) -> np.ndarray:
    change = scaled((pixels.shape[0], pixels.shape[1]), 1.75)
    return change.part(pixels.astype(np.float32), 0, 0, *change.new_shape)


@pytest.fixture
def compared(
    original: CountedImageSet, encoder: Network, write: Write, tmp_path: Path
) -> Callable[..., Comparison]:
    def run(*arguments: object, **options: object) -> Comparison:
        other = write(tmp_path / "other", *arguments, **options)
        return compare(original, other, QUICK, encoder=encoder)

    return run


def test_a_folder_and_its_copy_are_alike_in_everything(
    original: CountedImageSet, encoder: Network, tmp_path: Path
) -> None:
    shutil.copytree(original.folder, tmp_path / "copy")
    for other in (original, open_counted_images(tmp_path / "copy")):
        found = compare(original, other, QUICK, encoder=encoder)
        assert differing(found) == set()
        assert found.verdict == "alike"
        assert [row.name for row in found.rows if row.verdict == "not known"] == ["pixel_size"]
        assert found.advice == (
            "Both sets hold the same pixels: all images, 6, are equal. There is nothing to "
            "compare: name two different sets.",
        )
        assert found.as_dict()["same_images"] == 6


def test_shared_images_are_told_and_few_leave_the_advice(
    original: CountedImageSet, encoder: Network, write: Write, tmp_path: Path
) -> None:
    part = original.with_records(original.records[:3])
    (said,) = compare(original, part, QUICK, encoder=encoder).advice
    assert "all images, 3, of the smaller one are in the other one too" in said
    other = write(tmp_path / "other", lambda pixels: 2 * pixels)
    first = other.records[0]
    shutil.copy(original.folder / original.records[0].file_name, other.folder / first.file_name)
    found = compare(original, open_counted_images(other.folder), QUICK, encoder=encoder)
    assert found.same_images == 1
    assert found.advice[0].startswith("The sets share images: 1 of 6 have the same pixels")
    assert "count check" in found.advice[-1]


def test_sets_without_a_common_image_share_none(compared: Callable[..., Comparison]) -> None:
    found = compared(lambda pixels: np.clip(pixels + 1 / 255, 0, 1))
    assert found.same_images == 0
    assert found.advice[0] == "The sets are alike in everything that matters to a counter."
    assert "count check" in found.advice[-1]


def test_the_bundled_encoder_finds_copies_alike(original: CountedImageSet) -> None:
    few = original.with_records(original.records[:4])
    found = {row.name: row for row in compare(few, few, QUICK.changed(most_tiles=8)).rows}
    assert found["look"].verdict == "alike"
    assert found["told_apart"].difference == pytest.approx(0.5)


def test_a_blurred_copy_differs_in_focus(compared: Callable[..., Comparison]) -> None:
    found = compared(lambda pixels: blur(pixels.astype(np.float32), 3.0))
    assert {"focus", "noise"} <= differing(found)
    assert differing(found).isdisjoint({"saturation", "bit_depth", "density", "background"})
    assert any("B is blurrier" in each for each in found.advice)


def test_a_brightened_copy_differs_in_exposure_and_saturation(
    compared: Callable[..., Comparison],
) -> None:
    found = compared(lambda pixels: 4 * pixels)
    assert {"saturation", "contrast", "background", "histogram"} <= differing(found)
    assert differing(found).isdisjoint({"cell_diameter", "density", "covered", "image_size"})
    assert any("B is saturated" in each and "expose less" in each for each in found.advice)
    assert not any("A is saturated" in each for each in found.advice)


def test_a_rescaled_copy_differs_in_scale_and_not_in_what_scale_does_not_change(
    compared: Callable[..., Comparison],
) -> None:
    found = compared(enlarged, marked=False)
    assert {"image_size", "cell_diameter", "density"} <= differing(found)
    assert differing(found).isdisjoint({"covered", "focus", "contrast", "saturation"})
    (said,) = (each for each in found.advice if "times larger" in each)
    assert "Cells are 1.7 times larger in B" in said or "Cells are 1.8 times larger in B" in said
    assert "--diameter" in said


def test_a_noisy_copy_differs_in_noise(compared: Callable[..., Comparison]) -> None:
    generator = np.random.default_rng(0)
    found = compared(lambda pixels: pixels + generator.normal(0, 0.03, pixels.shape))
    assert "noise" in differing(found)
    assert {"cell_diameter", "density", "saturation"}.isdisjoint(differing(found))
    assert any("times noisier" in each for each in found.advice)


def test_fewer_cells_differ_in_density(compared: Callable[..., Comparison]) -> None:
    found = compared(cells=3)
    assert {"density", "covered"} <= differing(found)
    assert "cell_diameter" not in differing(found)
    assert any("synthesise OUT --like" in each for each in found.advice)


def test_uneven_light_differs_in_unevenness(compared: Callable[..., Comparison]) -> None:
    found = compared(lambda pixels: pixels + np.linspace(0, 0.15, pixels.shape[1]))
    assert "unevenness" in differing(found)
    assert any("background of B is more uneven" in each for each in found.advice)


def test_another_look_is_told_apart(compared: Callable[..., Comparison]) -> None:
    grains = np.random.default_rng(0).uniform(0.2, 1.8, (72, 72)).repeat(2, 0).repeat(2, 1)
    found = compared(lambda pixels: pixels * grains)
    assert {"look", "told_apart"} <= differing(found)
    assert any("style learn" in each and "stylise" in each for each in found.advice)


def test_density_is_measured_alike_in_both_sets(
    original: CountedImageSet, encoder: Network, write: Write, tmp_path: Path
) -> None:
    def note(other: CountedImageSet) -> str:
        rows = compare(original, other, QUICK, encoder=encoder).rows
        return next(row.note for row in rows if row.name == "density")

    assert note(original) == "from points"
    unlabelled = write(tmp_path / "unlabelled", marked=False)
    assert note(unlabelled) == "from classical segmentation, without labels"


def test_the_same_seed_gives_the_same_result(
    original: CountedImageSet, encoder: Network, write: Write, tmp_path: Path
) -> None:
    other = write(tmp_path / "other", lambda pixels: 0.8 * pixels)
    one, two = (
        json.dumps(compare(original, other, QUICK, encoder=encoder).as_dict()) for _ in range(2)
    )
    assert one == two


def test_only_some_images_are_measured_and_that_is_said(
    original: CountedImageSet, encoder: Network
) -> None:
    found = compare(original, original, QUICK.changed(most_images=3), encoder=encoder)
    assert (found.as_dict()["a"], len(found.a.images)) == (
        {"folder": str(original.folder), "images": 6, "measured": 3, "labelled": True},
        3,
    )
    assert found.a.images[0].name == "field_0.tif"
    assert found.a.images[-1].name == "field_5.tif"


def test_a_few_images_leave_the_look_unknown(original: CountedImageSet, encoder: Network) -> None:
    alone = original.with_records(original.records[:1])
    rows = {row.name: row for row in compare(alone, original, QUICK, encoder=encoder).rows}
    assert rows["look"].verdict == "not known"
    assert rows["told_apart"].verdict == "not known"
    assert rows["focus"].verdict == "alike"


def test_images_without_cells_leave_what_belongs_to_cells_unknown(
    original: CountedImageSet, encoder: Network, tmp_path: Path
) -> None:
    for name in "ab":
        noise = np.random.default_rng(0).normal(0.06, 0.006, (144, 144))
        write_image(tmp_path / "empty" / f"{name}.tif", noise.astype(np.float32))
    empty = open_counted_images(tmp_path / "empty")
    rows = {row.name: row for row in compare(original, empty, QUICK, encoder=encoder).rows}
    for name in ("focus", "contrast", "cell_diameter", "noise"):
        assert (rows[name].b, rows[name].verdict) == (None, "not known")


def test_small_images_are_refused(original: CountedImageSet, tmp_path: Path) -> None:
    write_image(tmp_path / "small" / "a.png", np.zeros((30, 64), np.float32))
    with pytest.raises(InputError, match=r"too small to be compared: a\.png"):
        compare(original, open_counted_images(tmp_path / "small"), QUICK)


def test_the_verdict_is_the_strongest_of_all(original: CountedImageSet, encoder: Network) -> None:
    found = compare(original, original, QUICK, encoder=encoder)
    rows = list(found.rows)
    rows[5] = dataclasses.replace(rows[5], verdict="differs strongly")
    assert dataclasses.replace(found, rows=tuple(rows)).verdict == "differs strongly"
