import csv
import json
from pathlib import Path

from adaptoscope.imageio.files import write_text
from tests.interfaces.conftest import ask, refuse, succeed, write_fields

QUICK = ("--images", 2)


def test_compare_prints_one_object_and_writes_its_report(fields: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    found = json.loads(succeed("compare", fields, fields, *QUICK, "--json", "--report", report))
    keys = ["a", "b", "verdict", "same_images", "quantities", "advice", "settings"]
    assert list(found) == keys
    assert found["same_images"] == found["a"]["images"]
    assert found["verdict"] == "alike"
    assert found["a"]["measured"] == 2
    assert found["quantities"]["focus"]["verdict"] == "alike"
    assert "<html" in report.read_text("utf-8")


def test_compare_says_in_words_what_it_found(fields: Path) -> None:
    said = succeed("compare", fields, fields, *QUICK)
    assert "cell diameter (px)" in said
    assert "Both sets hold the same pixels" in said


def test_compare_refuses_what_is_not_there(fields: Path, tmp_path: Path) -> None:
    assert "nowhere" in refuse("compare", fields, tmp_path / "nowhere")
    write_text(tmp_path / "settings.yaml", "focus: {differs: 2, strongly: 1}\n")
    said = refuse("compare", fields, fields, "--settings", tmp_path / "settings.yaml")
    assert "differs <= strongly" in said


def fill(path: Path, hand_count: str) -> None:
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys())
        writer.writeheader()
        writer.writerows({**row, "hand_count": hand_count} for row in rows)


def test_a_check_in_two_steps(fields: Path, tmp_path: Path) -> None:
    out = tmp_path / "check"
    began = ask("count", "check", fields, "--model", "dog", "--n", 4, "--out", out, "--json")
    assert began.code == 0, began.err
    assert len(json.loads(began.out)["to_count_by_hand"]) == 4
    assert f"--hand-counts {out / 'check.csv'}" in began.err
    done = ("count", "check", fields, "--hand-counts", out / "check.csv")
    assert "Not all images" in refuse(*done)
    fill(out / "check.csv", "-3")
    assert "impossible" in refuse(*done)
    fill(out / "check.csv", "6")
    assert succeed(*done).startswith("Over your 7 images the counter finds")
    found = json.loads(succeed(*done, "--json"))
    assert (found["images"], found["counted_by_hand"]) == (7, 4)
    assert found["corrected_total_interval"][0] <= found["corrected_total"]
    other = write_fields(tmp_path / "other", "train train")
    assert "not of the images in" in refuse(
        "count", "check", other, "--hand-counts", out / "check.csv"
    )


def test_a_check_with_known_labels_answers_at_once(fields: Path, tmp_path: Path) -> None:
    begin = ("count", "check", fields, "--model", "dog", "--n", 5, "--out", tmp_path / "check")
    said = succeed(*begin, "--labels", fields / "points.csv")
    assert "corrected total" in said
    assert "holds a check already" in refuse(*begin)
    both = ("--labels", fields / "points.csv", "--hand-counts", tmp_path / "check" / "check.csv")
    assert "given twice" in refuse("count", "check", fields, *both)
