import dataclasses
from pathlib import Path

import numpy as np
import pytest

from adaptoscope.counting.audit import (
    CheckResult,
    check_result,
    finish_check,
)
from adaptoscope.counting.audit_sample import draw_images
from adaptoscope.counting.audit_table import CheckRow, read_check, write_check
from adaptoscope.counting.count_table import PredictedCount
from adaptoscope.counting.model_folder import load_counter
from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.errors import InputError, OutputError
from adaptoscope.imageio.files import write_text
from adaptoscope.metrics.intervals import Interval
from adaptoscope.pipeline.count_check import begin_check

TRIALS = 1200


def synthetic_population(seed: int, images: int = 120) -> tuple[dict[str, float], dict[str, int]]:
    """Counts of a counter that finds 8 % too many, with errors that grow with the root."""
    generator = np.random.default_rng(seed)
    truth = generator.poisson(generator.gamma(1.5, 80, images))
    found = 1.08 * truth + generator.normal(0, 1, images) * np.sqrt(truth + 1)
    names = [f"f{i:03}.png" for i in range(images)]
    guesses = dict(zip(names, np.maximum(found, 0).tolist(), strict=True))
    return guesses, dict(zip(names, truth.tolist(), strict=True))


def checked(counts: dict[str, float], truth: dict[str, int], number: int, seed: int) -> CheckResult:
    counted = [PredictedCount(name, count) for name, count in counts.items()]
    drawn = draw_images(counted, number, seed=seed)
    rows = [dataclasses.replace(row, hand_count=truth[row.image]) for row in drawn]
    return check_result(rows, counts)


@pytest.mark.parametrize("number", [10, 24])
def test_the_estimate_is_unbiased_and_its_interval_covers_as_often_as_it_says(number: int) -> None:
    counts, truth = synthetic_population(0)
    results = [checked(counts, truth, number, seed) for seed in range(TRIALS)]
    total = sum(truth.values())
    totals = np.array([each.total.value for each in results])
    assert abs(totals.mean() - total) < 4 * totals.std() / np.sqrt(TRIALS)
    covered = np.mean([each.total.lower <= total <= each.total.upper for each in results])
    # Four binomial deviations of 1200 draws, and t being an approximation.
    assert 0.92 < covered < 0.98


def test_forty_hand_counts_find_a_bias_that_is_there() -> None:
    counts, truth = synthetic_population(1, images=200)
    share = checked(counts, truth, 40, seed=0).bias_percent
    assert share is not None
    assert 0 < share.lower < 8 < share.upper < 16


def test_hand_counts_of_all_images_give_the_truth() -> None:
    counts, truth = synthetic_population(2, images=6)
    found = checked(counts, truth, 10, seed=0)
    assert found.total.value == pytest.approx(sum(truth.values()))
    assert found.total.lower == found.total.upper
    assert "[" not in found.sentence()
    assert found.sentence().endswith(
        f"true total {sum(truth.values()):,}, exact: all images were counted by hand."
    )


def test_the_result_is_said_in_words() -> None:
    result = CheckResult(200, 10, 29252.0, Interval(28400.0, 27300.0, 29500.0))
    assert result.sentence().startswith(
        "Over your 200 images the counter finds 3.0 % too many [-0.8, +7.2]; "
        "corrected total 28,400 [27,300, 29,500]."
    )
    assert result.as_dict()["bias_per_image"] == pytest.approx(4.26)
    fewer = dataclasses.replace(result, found=27000.0)
    assert "4.9 % too few [-8.5, -1.1]" in fewer.sentence()
    unsure = dataclasses.replace(result, total=Interval(5.0, 0.0, 12.0), found=6.0)
    assert "+1.0 cells off" in unsure.sentence()
    assert unsure.as_dict()["bias_percent"] is None


def test_a_lower_bound_is_never_below_the_cells_that_were_counted() -> None:
    rows = [CheckRow(f"{i}", 5.0, None, None, "", "1", 40, 0.05, n) for i, n in enumerate((0, 30))]
    found = check_result(rows, {str(i): 5.0 for i in range(40)})
    assert found.total.lower == 30


@pytest.fixture
def begun(real: CountedImageSet, tmp_path: Path) -> Path:
    begin_check(load_counter("dog"), real.folder, tmp_path / "check", number=6)
    return tmp_path / "check" / "check.csv"


def fill(path: Path, real: CountedImageSet) -> None:
    truth = {record.name: record.count for record in real}
    rows = [dataclasses.replace(row, hand_count=truth[row.image]) for row in read_check(path)]
    write_check(path, rows)


def test_a_check_from_beginning_to_end(begun: Path, real: CountedImageSet) -> None:
    rows = read_check(begun)
    assert len(rows) == 6
    assert {row.hand_count for row in rows} == {None}
    fill(begun, real)
    found = finish_check(real.folder, begun)
    assert (found.images, found.counted_by_hand) == (len(real), 6)
    assert found.total.lower <= sum(record.count or 0 for record in real) <= found.total.upper


def test_images_that_the_counter_learnt_from_are_named(
    real: CountedImageSet, tmp_path: Path
) -> None:
    counter = load_counter("dog")
    begun = begin_check(counter, real.folder, tmp_path / "first", number=6)
    assert begun.learnt_from == []
    by_name = {record.name: real.read(record).sha256 for record in real}
    seen = {by_name[row.image]: row.image for row in begun.rows[:2]}
    counter = dataclasses.replace(counter, record=counter.record.changed(training_images=seen))
    again = begin_check(counter, real.folder, tmp_path / "second", number=6)
    assert sorted(again.learnt_from) == [row.image for row in begun.rows[:2]]


def test_a_check_that_was_begun_is_not_overwritten(begun: Path, real: CountedImageSet) -> None:
    with pytest.raises(OutputError, match="--hand-counts"):
        begin_check(load_counter("dog"), real.folder, begun.parent, number=6)
    begin_check(load_counter("dog"), real.folder, begun.parent, number=5, overwrite=True)
    assert len(read_check(begun)) == 5


def test_hand_counts_are_never_overwritten(begun: Path, real: CountedImageSet) -> None:
    fill(begun, real)
    before = begun.read_bytes()
    with pytest.raises(OutputError, match="would be lost") as caught:
        begin_check(load_counter("dog"), real.folder, begun.parent, number=5, overwrite=True)
    assert caught.value.found == "6 of 6 rows filled in"
    assert begun.read_bytes() == before


def test_missing_hand_counts_are_named(begun: Path, real: CountedImageSet) -> None:
    name = read_check(begun)[0].image
    with pytest.raises(InputError, match=name):
        finish_check(real.folder, begun)


def test_hand_counts_of_other_images_are_refused(
    begun: Path, real: CountedImageSet, synthetic_folder: Path
) -> None:
    fill(begun, real)
    with pytest.raises(InputError, match="not of the images in"):
        finish_check(synthetic_folder, begun)
    rows = read_check(begun)
    write_check(begun, [dataclasses.replace(rows[0], image="other.png"), *rows[1:]])
    with pytest.raises(InputError, match=r"other\.png"):
        finish_check(real.folder, begun)


def test_counts_of_another_run_are_refused(begun: Path, real: CountedImageSet) -> None:
    fill(begun, real)
    rows = read_check(begun)
    write_check(begun, [dataclasses.replace(rows[0], count=rows[0].count + 7), *rows[1:]])
    with pytest.raises(InputError, match="does not belong to the counts"):
        finish_check(real.folder, begun)


def test_images_that_could_not_be_counted_are_left_out(tmp_path: Path, real_folder: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for file in sorted((real_folder / "images").iterdir())[:6]:
        (folder / file.name).write_bytes(file.read_bytes())
    write_text(folder / "broken.png", "no image")
    rows = begin_check(load_counter("dog"), folder, tmp_path / "check", number=4).rows
    assert sum({row.stratum: row.stratum_images for row in rows}.values()) == 6


def test_a_folder_without_an_image_that_can_be_counted_is_refused(tmp_path: Path) -> None:
    write_text(tmp_path / "images" / "broken.png", "no image")
    with pytest.raises(InputError, match="could be counted"):
        begin_check(load_counter("dog"), tmp_path / "images", tmp_path / "check")
