from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import adaptoscope as ad
from adaptoscope.counting.baselines import ConstantCounter
from adaptoscope.counting.calibration import Calibration
from adaptoscope.counting.model_folder import CountingModel, ModelRecord
from adaptoscope.errors import InputError, SettingsError
from adaptoscope.imageio.files import write_image, write_text
from adaptoscope.pipeline.counters import CountedArray, Counter

SIDE, DIAMETER = 96, 12
CENTRES = [(row, column) for row in (16, 48, 80) for column in (16, 48, 80)]


def discs() -> NDArray[np.uint16]:
    """Nine bright discs on noise."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    pixels = np.random.default_rng(0).normal(0.1, 0.01, (SIDE, SIDE))
    for row, column in CENTRES:
        pixels += 0.5 * (np.hypot(rows - row, columns - column) < DIAMETER / 2)
    return (pixels.clip(0, 1) * 65535).astype(np.uint16)


@pytest.fixture
def marked(tmp_path: Path) -> Path:
    """Two counted images."""
    folder = tmp_path / "marked"
    points = ["image,x,y"]
    for name in ("a.tif", "b.tif"):
        write_image(folder / "images" / name, discs() / 65535, bit_depth=16)
        points += [f"{name},{column},{row}" for row, column in CENTRES]
    write_text(folder / "points.csv", "\n".join(points) + "\n")
    return folder


def test_an_array_is_counted_as_its_file_is(marked: Path) -> None:
    counter = ad.load_counter("dog")
    found = counter.count(discs(), pixel_size_um=0.5)
    (row,) = ad.count_folder(marked / "images" / "a.tif", model=counter).rows
    assert (found.count, found.flag) == (row.count, row.flag)
    assert found.diameter_px == row.diameter_px
    assert found.per_mm2 == pytest.approx(9 / (SIDE * 0.0005) ** 2)
    assert found.points is not None
    assert found.points.shape == (9, 2)
    nearest = np.abs(found.points[:, None] - np.array(CENTRES)[None]).sum(2).min(1)
    assert nearest.max() < 3


@pytest.mark.parametrize("divided_by", [1, 65535])
def test_the_type_of_the_numbers_does_not_change_the_count(divided_by: int) -> None:
    counter = ad.load_counter("dog")
    assert counter.count(discs().astype(float) / divided_by).count == counter.count(discs()).count


def test_a_given_diameter_is_used_and_a_senseless_one_refused() -> None:
    counter = ad.load_counter("dog")
    assert counter.count(discs(), diameter_px=11).diameter_px == 11
    for wrong in (0, -3, float("nan")):
        with pytest.raises(SettingsError, match="diameter_px"):
            counter.count(discs(), diameter_px=wrong)


def test_a_blank_array_is_flagged() -> None:
    assert "blank" in ad.load_counter("dog").count(np.full((64, 64), 7, np.uint8)).flag


def test_intervals_are_given_where_the_counter_has_them() -> None:
    record = ModelRecord(kind="constant", value=100, calibration=Calibration(residuals=(2.0,) * 40))
    found = Counter(CountingModel("hundred", record, ConstantCounter(100.0))).count(discs())
    assert (found.count, found.interval, found.points) == (100, (80.0, 120.0), None)
    assert ad.load_counter("dog").count(discs()).interval is None


def test_a_colour_image_is_refused() -> None:
    with pytest.raises(InputError, match="not one plane"):
        ad.load_counter("dog").count(np.zeros((8, 8, 3), np.uint8))


def test_the_points_are_not_printed() -> None:
    assert "points" in {field.name for field in fields(CountedArray)}
    assert "points" not in repr(ad.load_counter("dog").count(discs()))


def test_a_trained_counter_stands_where_its_folder_may(marked: Path, tmp_path: Path) -> None:
    fitted = ad.train_counter(tmp_path / "own", real=str(marked), head="dog")
    assert fitted.measured is None
    assert fitted.summary.startswith("Not measured")
    assert ad.load_counter(fitted).count(discs()).count == 9
    assert [row.count for row in ad.count_folder(marked, model=fitted).rows] == [9, 9]
    found = ad.evaluate_counter(
        fitted, marked, allow_training_images=True, against=ad.load_counter("dog")
    )
    assert (found.errors.errors.mae, found.left_out, found.images) == (0, 0, 2)
    assert found.as_dict()["against"]["model"] == "dog"  # type: ignore[index]


def test_options_that_make_no_difference_are_refused(marked: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="has no use for --init"):
        ad.train_counter(tmp_path / "own", real=marked, head="dog", init="random")
    with pytest.raises(SettingsError, match="no windows"):
        ad.load_counter("dog", window=64)
    with pytest.raises(SettingsError, match="one way of counting"):
        ad.evaluate_counter(ad.load_counter("dog"), marked, edges="centres")


@pytest.mark.parametrize("head", ["regresor", "centre", "otsu_watersheds"])
def test_an_unknown_head_is_named_with_those_there_are(head: str, marked: Path) -> None:
    with pytest.raises(SettingsError, match=f"no head {head}") as refused:
        ad.train_counter("own", real=marked, head=head)
    assert "centres, regressor, fcrn_a, nuclei, dog, otsu_watershed, constant" in str(refused.value)
    assert "did you mean" in str(refused.value)


def test_two_heads_are_a_contradiction(marked: Path, tmp_path: Path) -> None:
    settings = tmp_path / "s.yaml"
    settings.write_text("head: fcrn_a\nloss: mse\ninit: random\n")
    with pytest.raises(SettingsError, match="Two heads") as refused:
        ad.train_counter(tmp_path / "own", real=marked, head="centres", settings=settings)
    assert "--head centres, and head: fcrn_a in" in refused.value.found
    with pytest.raises(SettingsError, match="no head dogs") as unknown:
        ad.train_counter(tmp_path / "own", real=marked, settings={"head": "dogs"})
    assert unknown.value.remedy == "correct `head` in the settings"


def test_a_counter_that_was_trained_already_says_so(marked: Path, tmp_path: Path) -> None:
    first, again, anew = (
        ad.train_counter(tmp_path / "own", real=marked, head="dog", overwrite=overwrite).summary
        for overwrite in (False, False, True)
    )
    assert again == f"It was trained already; --overwrite trains it anew. {first}"
    assert anew == first
