import re

import numpy as np
import pytest

from adaptoscope.counting.counters import ImageCount
from adaptoscope.counting.evaluate import evaluate_counter
from adaptoscope.counting.model_folder import CountingModel, ModelRecord
from adaptoscope.counting.paired_counters import compare_evaluations
from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.pipeline.evaluation_report import write_evaluation_report

SHAPE = (96, 128)
CELLS = np.array([[20.0, 20.0], [60.0, 90.0], [70.0, 30.0]])


class Places:
    """Gives the same centres for every image, or only their number."""

    def __init__(self, points, *, positions=True):
        self.points, self.positions = np.array(points, dtype=float).reshape(-1, 2), positions

    def count(self, pixels, *, diameter_px=None):
        return ImageCount(float(len(self.points)), self.points if self.positions else None)


def model(name, counter):
    return CountingModel(name, ModelRecord(kind="centres"), counter)


@pytest.fixture
def images(tmp_path) -> CountedImageSet:
    writer = CountedImageWriter(tmp_path / "fields", {"seed": 0}, "Fields")
    for number in range(12):
        pixels = np.random.default_rng(number).random(SHAPE) * 0.2
        points = CELLS[: number % 4]
        writer.add(f"field{number:02}", pixels, points=points, split="test", cell_diameter_px=10.0)
    return writer.finish("Fields for a test.")


def test_the_worst_ten_images_are_listed_and_four_are_shown(images, tmp_path):
    found = evaluate_counter(model("mine", Places(CELLS[:1])), images, resamples=50)

    write_evaluation_report(tmp_path / "report.html", "mine", found, images)

    page = (tmp_path / "report.html").read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert "On the 12 images of the split test of fields, mine is" in page
    listed = re.findall(r'<th scope="row" class="words">(field\d\d\.\w+)', page)
    assert len(listed) == 10
    # Two cells too few are worst; equal errors stand in the order of names.
    assert [name[:7] for name in listed[:4]] == ["field03", "field07", "field11", "field00"]
    assert page.count("data:image/png") == 3 * 4
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)


def test_a_report_is_the_same_file_each_time(images, tmp_path):
    found = evaluate_counter(model("mine", Places(CELLS[:2])), images, resamples=50)

    for name in ("one.html", "two.html"):
        write_evaluation_report(tmp_path / name, "mine", found, images)

    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()
    assert str(tmp_path) not in (tmp_path / "one.html").read_text()


def test_another_counter_and_a_remark_are_shown(images, tmp_path):
    first = evaluate_counter(model("mine", Places(CELLS[:2])), images, resamples=50)
    second = evaluate_counter(model("dog", Places(np.zeros((40, 2)))), images, resamples=50)
    other = compare_evaluations(first, second, name="dog", seed=0)

    write_evaluation_report(
        tmp_path / "report.html", "mine", first, images, other=other, remark="Mind the gap."
    )

    page = (tmp_path / "report.html").read_text()
    assert "mine is nearer to the truth" in page
    assert "Mind the gap." in page


def test_a_counter_without_positions_has_its_true_cells_marked(images, tmp_path):
    counter = Places(CELLS, positions=False)
    found = evaluate_counter(model("number", counter), images, resamples=50)

    write_evaluation_report(tmp_path / "report.html", "number", found, images)

    page = (tmp_path / "report.html").read_text()
    assert "GAME(0)" not in page
    assert page.count("data:image/png") == 3 * 4
