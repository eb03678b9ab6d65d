import multiprocessing
import shutil
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adaptoscope.datasets import output_folder, writing
from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.datasets.writing import CountedImageWriter, rewrite_records
from adaptoscope.errors import InputError, OutputError

SETTINGS = {"seed": 3, "size": [12, 16]}


class Killed(BaseException):
    """Stands for the end of the process: nothing may catch it."""


def begin(folder, options=SETTINGS, **arguments):
    return CountedImageWriter(folder, options, "Test images", **arguments)


def write_all(folder, pixels, names=("one", "two.tif", "three")):
    writer = begin(folder)
    for seed, name in enumerate(names):
        if not writer.has(name):
            points = None if name == "three" else [[seed, seed + 0.25]] * seed
            mask = np.full((12, 16), seed, np.uint16) if name == "one" else None
            writer.add(name, pixels(seed), points=points, mask=mask, seed=seed, synthetic=True)
    return writer.finish("Made for a test.")


def contents(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_what_is_written_is_read_again(tmp_path, pixels):
    opened = write_all(tmp_path / "set", pixels)
    assert [record.name for record in opened] == ["one.png", "three.png", "two.tif"]
    one, three, two = opened
    assert (one.count, one.labelled, one.cells_per_mpx) == (0, True, 0)
    assert (three.count, three.labelled) == (None, False)
    assert (two.count, two.seed, two.synthetic, two.kept) == (1, 1, True, None)
    assert (two.height, two.width, two.bit_depth) == (12, 16, 8)
    assert (two.intensity_low, two.intensity_high) == (0, 255)
    assert two.cells_per_mpx == pytest.approx(1e6 / 192)
    assert two.source_sha256 == opened.read(two).sha256
    assert opened.points(two).tolist() == [[1, 1.25]]
    assert opened.mask(one).max() == 0
    card = (tmp_path / "set" / "README.md").read_text()
    assert card.startswith("# Test images\n\nMade for a test.\n")
    assert "Cells: 1 in 2 images" in card
    assert not (tmp_path / "set" / "records").exists()


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(bit_depth=st.sampled_from([8, 16]), seed=st.integers(0, 99), suffix=st.sampled_from("pt"))
def test_images_are_rewritten_bit_for_bit(tmp_path, pixels, bit_depth, seed, suffix):
    shutil.rmtree(tmp_path / "set", ignore_errors=True)
    name = {"p": "a.png", "t": "a.tif"}[suffix]
    first = begin(tmp_path / "set" / "1")
    first.add(name, pixels(seed), bit_depth=bit_depth, points=[[0.1, 0.2]], pixel_size_um=0.3)
    before = first.finish("")
    image = before.read(before.records[0])
    second = begin(tmp_path / "set" / "2")
    second.add(
        name, image.pixels, bit_depth=bit_depth, points=before.points(before.records[0]),
        pixel_size_um=image.pixel_size_um,
    )  # fmt: skip
    second.finish("")
    assert contents(tmp_path / "set" / "1") == contents(tmp_path / "set" / "2")


@pytest.mark.parametrize("step", ["write_image", "write_mask", "write_json", "write_text"])
def test_a_killed_writer_goes_on_to_identical_files(tmp_path, pixels, monkeypatch, step):
    write_all(tmp_path / "whole", pixels)
    module = output_folder if step == "write_text" else writing
    real, calls = getattr(module, step), []

    def killed(*arguments, **options):
        calls.append(arguments)
        if len(calls) == (1 if step in ("write_mask", "write_text") else 2):
            raise Killed
        return real(*arguments, **options)

    monkeypatch.setattr(module, step, killed)
    with pytest.raises(Killed):
        write_all(tmp_path / "broken", pixels)
    assert not (tmp_path / "broken" / "metadata.csv").exists()
    monkeypatch.undo()
    (tmp_path / "broken" / "images" / f".partial-{'0' * 32}.png").write_bytes(b"half")
    write_all(tmp_path / "broken", pixels)
    assert contents(tmp_path / "broken") == contents(tmp_path / "whole")


def test_a_finished_folder_is_not_made_again(tmp_path, pixels):
    write_all(tmp_path / "set", pixels)
    before = contents(tmp_path / "set")
    writer = begin(tmp_path / "set")
    assert all(writer.has(name) for name in ("one", "two", "two.tif", "three"))
    assert not writer.has("four")
    writer.finish("Made for a test.")
    assert contents(tmp_path / "set") == before


def test_records_left_by_a_killed_finish_do_not_override_the_table(tmp_path, pixels, monkeypatch):
    monkeypatch.setattr(writing.shutil, "rmtree", lambda *arguments, **options: None)
    finished = write_all(tmp_path / "set", pixels)
    monkeypatch.undo()
    rewrite_records(tmp_path / "set", [replace(record, kept=False) for record in finished])
    write_one(tmp_path / "set", "late")
    again = begin(tmp_path / "set").finish("Made for a test.")
    assert [record.kept for record in again if record.name != "late.png"] == [False] * 3
    assert [record.name for record in again if record.kept is None] == ["late.png"]
    assert not (tmp_path / "set" / "records").exists()


def test_records_of_a_finished_folder_are_removed_when_it_is_opened(tmp_path, pixels, monkeypatch):
    monkeypatch.setattr(writing.shutil, "rmtree", lambda *arguments, **options: None)
    write_all(tmp_path / "set", pixels)
    monkeypatch.undo()
    assert all(begin(tmp_path / "set").has(name) for name in ("one", "two", "three"))
    assert not (tmp_path / "set" / "records").exists()


def test_a_failing_image_leaves_nothing(tmp_path, pixels):
    writer = begin(tmp_path / "set")
    bad = pixels()
    bad[0, 0] = np.nan
    with pytest.raises(InputError, match="NaN"):
        writer.add("a", bad, points=None)
    with pytest.raises(InputError, match="outside"):
        writer.add("a", pixels(), points=[[50, 50]])
    with pytest.raises(InputError, match="does not fit"):
        writer.add("a", pixels(), points=None, mask=np.zeros((3, 3), int))
    assert set(contents(tmp_path / "set")) == {"settings.json"}
    assert not writer.has("a")
    with pytest.raises(OutputError, match="No image"):
        writer.finish("")


def test_an_unfinished_folder_is_not_read(tmp_path, pixels):
    begin(tmp_path / "set").add("a", pixels(), points=[], split="test")
    with pytest.raises(InputError, match="not finished"):
        open_counted_images(tmp_path / "set")
    begin(tmp_path / "set").finish("")
    assert len(open_counted_images(tmp_path / "set")) == 1


def test_rejected_images_stay_and_are_skipped(tmp_path, pixels):
    writer = begin(tmp_path / "set")
    writer.add("a", pixels(0), points=[], kept=False, reject_reason="lost cells", f1=0.25)
    writer.add("b", pixels(1), points=[], kept=True)
    assert len(writer.finish("")) == 2
    assert [record.name for record in open_counted_images(tmp_path / "set")] == ["b.png"]


def write_one(folder, name):
    CountedImageWriter(folder, SETTINGS, "Test images").add(name, np.zeros((4, 4)), points=[])


def test_several_processes_may_share_a_folder(tmp_path):
    begin(tmp_path / "set")
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=write_one, args=(tmp_path / "set", name)) for name in "ab"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert len(begin(tmp_path / "set").finish("")) == 2


def test_names_that_share_a_record_are_refused(tmp_path, pixels):
    writer = begin(tmp_path / "set")
    writer.add("a.tif", pixels(), points=None)
    with pytest.raises(OutputError, match=r"a\.tif and a\.png"):
        writer.add("a.png", pixels(), points=None)
