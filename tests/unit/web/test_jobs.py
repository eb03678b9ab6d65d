import json
import time

import pytest

from adaptoscope.errors import InputError
from adaptoscope.web.jobs import Jobs

DRAW = ["synthesise", "{out}", "--count", "{count}"]


def draw(jobs, place, count, out="drawn", **options):
    arguments = ["synthesise", str(place / out), "--count", str(count)]
    return jobs.add(place / "jobs", "ann", "draw", "Draw", arguments, **options)


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.1)


def test_a_job_runs_in_its_own_process_and_is_found_again(tmp_path):
    jobs = Jobs([tmp_path / "jobs"])
    made = draw(jobs, tmp_path, 2)
    assert made.state in ("waiting", "running")
    # Another server, begun later, finds it in the folder.
    (found,) = Jobs([tmp_path / "jobs"]).of("ann")
    assert found == made
    wait_for(lambda: found.state == "done")
    assert len(list((tmp_path / "drawn" / "images").iterdir())) == 2
    shown = found.as_dict()
    assert shown["command"] == f"adaptoscope synthesise {tmp_path / 'drawn'} --count 2"
    assert str(tmp_path / "drawn") in shown["output"]


def test_a_job_that_fails_says_why(tmp_path):
    jobs = Jobs([tmp_path / "jobs"])
    failed = jobs.add(tmp_path / "jobs", "ann", "count", "Count", ["count", "predict", "nowhere"])
    wait_for(lambda: failed.state == "failed")
    assert any("nowhere" in line for line in failed.as_dict()["messages"])


def test_a_job_that_is_stopped_keeps_what_it_has_and_goes_on(tmp_path):
    jobs = Jobs([tmp_path / "jobs"])
    first = draw(jobs, tmp_path, 3000)
    records = tmp_path / "drawn" / "records"
    wait_for(lambda: records.is_dir() and len(list(records.iterdir())) > 3)
    first.stop()
    wait_for(lambda: first.state == "stopped")
    kept = len(list(records.iterdir()))
    assert 3 < kept < 3000
    assert json.loads((first.folder / "end.json").read_text())["code"] == 130


def test_others_do_not_see_it(tmp_path):
    jobs = Jobs([tmp_path / "jobs"])
    made = draw(jobs, tmp_path, 1)
    assert jobs.of("bob") == []
    with pytest.raises(InputError):
        jobs.find("bob", made.folder.name)
    wait_for(lambda: made.state == "done")


def test_what_learns_does_not_hold_up_what_counts(tmp_path):
    jobs = Jobs([tmp_path / "jobs"], most=2)
    heavy = [draw(jobs, tmp_path, 3000, out=f"h{n}", heavy=True) for n in range(2)]
    light = draw(jobs, tmp_path, 1, out="light")
    wait_for(lambda: light.state == "done")
    assert heavy[1].state == "waiting"
    heavy[1].stop()
    assert heavy[1].state == "stopped"
    heavy[0].stop()
    wait_for(lambda: heavy[0].state == "stopped")


def test_a_job_whose_process_was_killed_is_not_said_to_run(tmp_path, monkeypatch):
    monkeypatch.setattr("adaptoscope.web.jobs._SILENCE_SECONDS", 0.2)
    jobs = Jobs([tmp_path / "jobs"])
    made = draw(jobs, tmp_path, 1)
    wait_for(lambda: made.state == "done")
    (made.folder / "end.json").unlink()
    time.sleep(0.3)
    assert made.state == "stopped"
