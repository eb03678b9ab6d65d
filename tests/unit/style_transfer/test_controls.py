import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from adaptoscope.datasets.counted_images import (
    CountedImageSet,
    open_counted_images,
)
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.errors import InputError, LeakageError, OutputError, SettingsError
from adaptoscope.images.matching import measure_blur_and_noise
from adaptoscope.style_transfer import controls
from adaptoscope.style_transfer.controls import (
    METHODS,
    Method,
    stylise_by_control,
)
from adaptoscope.style_transfer.exemplars import measure_exemplars
from tests.unit.style_transfer.conftest import draw_discs, write_set


def write_real(folder: Path, count: int = 3, splits: str = "", bits: int = 16) -> CountedImageSet:
    """Soft, dark discs: more of them in later images."""
    words = splits.split() or [None] * count
    writer = CountedImageWriter(folder, {}, "Real")
    for index in range(count):
        rng = np.random.default_rng([7, index])
        centres = np.array([(row, column) for row in (16, 44) for column in (14, 40, 66)])
        pixels, _ = draw_discs((60, 80), centres[: 2 + 2 * index], 6.0)
        dark = 0.1 * pixels + rng.normal(0, 0.004, pixels.shape)
        writer.add(
            f"real_{index}",
            dark,
            bit_depth=bits,
            points=None,
            split=words[index],
            pixel_size_um=0.4,
        )
    return writer.finish("Real.")


@pytest.fixture
def drawings(tmp_path: Path) -> CountedImageSet:
    return write_set(tmp_path / "drawings", 4, seed=1)


@pytest.fixture
def real(tmp_path: Path) -> CountedImageSet:
    return write_real(tmp_path / "real")


def contents(folder: Path) -> dict[str, bytes]:
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def test_what_was_measured_before_is_not_measured_again(
    tmp_path: Path,
    drawings: CountedImageSet,
    real: CountedImageSet,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stylise_by_control(tmp_path / "anew", drawings, real, "blur_noise")
    exemplars = measure_exemplars(real)
    monkeypatch.delattr(controls, "measure_exemplars")
    stylise_by_control(tmp_path / "known", drawings, real, "blur_noise", exemplars=exemplars)
    assert contents(tmp_path / "known") == contents(tmp_path / "anew")


@pytest.mark.parametrize("method", METHODS)
def test_cells_are_carried_over_and_the_scale_is_that_of_the_real_images(
    tmp_path: Path, drawings: CountedImageSet, real: CountedImageSet, method: Method
) -> None:
    made = stylise_by_control(tmp_path / "out", drawings, real, method)
    assert len(made) == len(drawings)
    brightest = max(float(real.read(record).pixels.max()) for record in real)
    for record, drawing in zip(made, drawings, strict=True):
        np.testing.assert_allclose(made.points(record), drawings.points(drawing), atol=0.01)
        np.testing.assert_array_equal(made.mask(record), drawings.mask(drawing))
        assert (record.layout, record.count) == (drawing.name, drawing.count)
        assert (record.bit_depth, record.pixel_size_um, record.synthetic) == (16, 0.4, True)
        assert record.domain == f"control-{method}"
        assert record.style in {other.name for other in real}
        pixels = made.read(record).pixels
        assert 0.05 < pixels.max() < 1.3 * brightest
        inside = made.mask(record) > 0
        assert pixels[inside].mean() > 2 * pixels[~inside].mean()


def test_files_do_not_depend_on_the_order_or_on_a_stop(
    tmp_path: Path,
    drawings: CountedImageSet,
    real: CountedImageSet,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = tmp_path / "whole"
    stylise_by_control(whole, drawings, real, "blur_noise", 3)
    before, made = contents(whole), []
    shutil.rmtree(whole)
    match = controls._match_and_write

    def stop_after_two(task: controls.ControlTask, job: controls.ControlJob) -> None:
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(task.name)
        match(task, job)

    with monkeypatch.context() as patched:
        patched.setattr(controls, "_match_and_write", stop_after_two)
        with pytest.raises(KeyboardInterrupt):
            stylise_by_control(whole, drawings, real, "blur_noise", 3)
    stylise_by_control(whole, drawings, real, "blur_noise", 3)
    assert contents(whole) == before
    few = drawings.with_records(reversed(drawings.records[1:]))
    part = stylise_by_control(tmp_path / "part", few, real, "blur_noise", 3)
    for record in part:
        assert before[record.file_name] == part.path(record).read_bytes()


def test_another_seed_gives_other_noise_and_is_refused_in_the_same_folder(
    tmp_path: Path, drawings: CountedImageSet, real: CountedImageSet
) -> None:
    out = tmp_path / "out"
    first = stylise_by_control(out, drawings, real, "blur_noise", 0)
    before = first.read(first.records[0]).sha256
    with pytest.raises(OutputError):
        stylise_by_control(out, drawings, real, "blur_noise", 1)
    other = stylise_by_control(out, drawings, real, "blur_noise", 1, overwrite=True)
    assert other.read(other.records[0]).sha256 != before


def test_images_kept_back_are_refused(tmp_path: Path, drawings: CountedImageSet) -> None:
    split = write_real(tmp_path / "split", splits="train train test")
    with pytest.raises(LeakageError, match="real_2"):
        stylise_by_control(tmp_path / "out", drawings, split, "histogram")
    made = stylise_by_control(
        tmp_path / "out", drawings, split.training_part(), "histogram", held_out=[split]
    )
    assert {record.style for record in made} <= {"real_0.png", "real_1.png"}


def test_unusable_inputs_are_refused(
    tmp_path: Path, drawings: CountedImageSet, real: CountedImageSet
) -> None:
    with pytest.raises(SettingsError, match="no control"):
        stylise_by_control(tmp_path / "out", drawings, real, "magic")  # type: ignore[arg-type]
    with pytest.raises(OutputError, match="drawings"):
        stylise_by_control(drawings.folder, drawings, real, "histogram")
    writer = CountedImageWriter(tmp_path / "dark", {}, "Dark")
    writer.add("dark", np.full((64, 64), 0.1), points=None)
    writer.finish("Dark.")
    with pytest.raises(InputError, match="No nucleus"):
        stylise_by_control(
            tmp_path / "out", drawings, open_counted_images(tmp_path / "dark"), "blur_noise"
        )


def test_bit_depths_must_not_be_mixed(tmp_path: Path, drawings: CountedImageSet) -> None:
    write_real(tmp_path / "mixed", 2)
    eight = write_real(tmp_path / "eight", 1, bits=8)
    source = eight.path(eight.records[0])
    (tmp_path / "mixed" / "images" / "real_1.png").write_bytes(source.read_bytes())
    (tmp_path / "mixed" / "metadata.csv").unlink()
    mixed = open_counted_images(tmp_path / "mixed")
    with pytest.raises(InputError, match="bit depths"):
        stylise_by_control(tmp_path / "out", drawings, mixed, "histogram")


def test_workers_give_the_same_files(
    tmp_path: Path, drawings: CountedImageSet, real: CountedImageSet
) -> None:
    few = drawings.with_records(drawings.records[:2])
    for workers in (1, 2):
        stylise_by_control(tmp_path / str(workers), few, real, "blur_noise", workers=workers)
    assert contents(tmp_path / "1") == contents(tmp_path / "2")


def test_a_task_holds_one_drawing_and_may_be_done_twice(
    tmp_path: Path, drawings: CountedImageSet, real: CountedImageSet
) -> None:
    exemplars = measure_exemplars(real)
    job = controls._job(tmp_path / "out", drawings, exemplars, "blur_noise", 0)
    tasks = controls._tasks(drawings, real, exemplars, 0)
    one = controls._tasks(drawings.with_records(drawings.records[:1]), real, exemplars, 0)
    assert [len(pickle.dumps(tasks[0]))] == [len(pickle.dumps(task)) for task in one]
    before = tasks[0].generator.bit_generator.state
    controls._match_and_write(tasks[0], job)
    assert tasks[0].generator.bit_generator.state == before


def test_an_empty_drawing_stays_empty(tmp_path: Path, real: CountedImageSet) -> None:
    writer = CountedImageWriter(tmp_path / "empty", {}, "Empty")
    noise = np.random.default_rng(0).normal(0, 0.02, (96, 96))
    writer.add("empty", 0.2 + noise, points=np.zeros((0, 2)))
    empty = writer.finish("Empty.")
    look = measure_blur_and_noise(real.read(real.records[0]).pixels)
    for method in ("percentiles", "blur_noise"):
        made = stylise_by_control(tmp_path / method, empty, real, method)
        pixels = made.read(made.records[0]).pixels
        assert np.median(pixels) == pytest.approx(look.background, abs=0.005)
        assert pixels.std() < 0.025
