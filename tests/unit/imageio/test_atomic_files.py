import json
import os
import sys

import pytest

from adaptoscope.imageio.atomic_files import (
    atomic_path,
    remove_partial_files,
    write_json,
    write_text,
)


class Interrupted(Exception):
    pass


def fail_half_way(path):
    with atomic_path(path) as temporary:
        temporary.write_text("half")
        raise Interrupted


def test_a_failing_write_leaves_nothing(tmp_path):
    with pytest.raises(Interrupted):
        fail_half_way(tmp_path / "deep" / "a.txt")
    assert list((tmp_path / "deep").iterdir()) == []


def test_a_failing_write_keeps_what_was_there(tmp_path):
    write_text(tmp_path / "a.txt", "before")
    with pytest.raises(Interrupted):
        fail_half_way(tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text() == "before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_the_target_appears_only_at_the_end(tmp_path):
    target = tmp_path / "a.tif"
    with atomic_path(target) as temporary:
        temporary.write_text("whole")
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".tif"
        assert not target.exists()
    assert target.read_text() == "whole"


def test_leftovers_of_killed_writers_are_removed(tmp_path):
    leftover, kept = f".partial-{'0a' * 16}.png", [".partial-1234.png", "kept.png"]
    for place in (tmp_path, tmp_path / "deep"):
        place.mkdir(exist_ok=True)
        for name in (leftover, *kept):
            (place / name).write_bytes(b"x")
    remove_partial_files(tmp_path)
    remove_partial_files(tmp_path / "missing")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [kept[0], "deep", kept[1]]
    assert (tmp_path / "deep" / leftover).exists()
    remove_partial_files(tmp_path, below=True)
    assert sorted(entry.name for entry in (tmp_path / "deep").iterdir()) == kept


def test_what_is_written_bears_a_name_that_is_removed_later(tmp_path):
    with atomic_path(tmp_path / "a.tif") as temporary:
        temporary.write_text("whole")
    temporary.write_text("half")
    remove_partial_files(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.tif"]


def test_text_is_utf8_with_unix_line_ends(tmp_path):
    write_text(tmp_path / "a.txt", "µm\n")
    assert (tmp_path / "a.txt").read_bytes() == "µm\n".encode()


def test_json_round_trip_and_no_nan(tmp_path):
    write_json(tmp_path / "a.json", {"b": [1, None, "µ"]})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"b": [1, None, "µ"]}
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "b.json", float("nan"))
    assert not (tmp_path / "b.json").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
@pytest.mark.parametrize(("umask", "expected"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_a_finished_file_may_be_read_by_whom_the_umask_says(tmp_path, umask, expected):
    before = os.umask(umask)
    try:
        with atomic_path(tmp_path / "a.bin") as temporary:
            os.close(os.open(temporary, os.O_CREAT | os.O_WRONLY, 0o600))
        with atomic_path(tmp_path / "b.bin") as temporary:
            temporary.write_bytes(b"x")
            temporary.chmod(0o777)
        write_text(tmp_path / "c.txt", "x")
    finally:
        os.umask(before)
    modes = {entry.name: entry.stat().st_mode & 0o777 for entry in tmp_path.iterdir()}
    assert modes == dict.fromkeys(("a.bin", "b.bin", "c.txt"), expected)


def test_a_share_without_permissions_is_no_obstacle(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError

    with atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_text("whole")
        temporary.chmod(0o400)
        monkeypatch.setattr("pathlib.Path.chmod", refuse)
    assert (tmp_path / "a.txt").read_text() == "whole"
