import re
import subprocess
import sys

import pytest

from adaptoscope.training import progress as progress_module
from adaptoscope.training.progress import part_of, progress, progress_display


def test_items_pass_unchanged_and_quick_work_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    assert list(progress(range(3), "counting")) == [0, 1, 2]
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err == ""


def test_a_log_gets_a_line_at_the_end_of_long_work(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 1.0, 5.0])
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: next(clock))
    assert list(progress("ab", "reading")) == ["a", "b"]
    captured = capfd.readouterr()
    assert captured.err == "reading: 2 of 2\n"
    assert captured.out == ""


def test_a_log_gets_a_line_every_half_minute(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 31.0, 40.0])
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: next(clock))
    with progress_display("reading", None) as advance:
        advance()
        advance()
    assert capfd.readouterr().err == "reading: 1\n"


def test_a_line_says_what_is_done_and_how_long_the_rest_takes(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 9.0, 20.0, 49.0, 80.0])
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: next(clock))
    with (
        part_of("row 3 of 11"),
        progress_display("train dual", 100, done=60, unit="step") as advance,
    ):
        advance()
        advance("loss 0.1")
        advance()
        advance("mae \x1b[31m")
    assert capfd.readouterr().err == (
        "row 3 of 11: train dual: step 62 of 100, about 6 min left in this part; loss 0.1\n"
        "row 3 of 11: train dual: step 64 of 100, about 12 min left in this part; mae \\x1b[31m\n"
    )


def test_rich_is_not_loaded_without_a_terminal() -> None:
    code = (
        "import sys; from adaptoscope.training.progress import progress\n"
        "list(progress(range(3), 'counting')); assert 'rich' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stderr=subprocess.PIPE)


def test_the_larger_work_stands_before_its_parts(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_module, "PATIENCE_SECONDS", -1.0)
    with part_of("stylised"), part_of("seed 1"):
        assert list(progress("a", "reading")) == ["a"]
    assert list(progress("a", "reading")) == ["a"]
    assert capfd.readouterr().err == "stylised, seed 1: reading: 1 of 1\nreading: 1 of 1\n"


def test_a_terminal_gets_a_bar_on_standard_error(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(progress_module, "PATIENCE_SECONDS", 0.0)
    with progress_display("drawing [b]x", 2, unit="image") as advance:
        advance()
        advance()
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "drawing [b]x" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", captured.err)
    assert "2/2" in captured.err


def test_a_part_of_some_work_stands_below_its_bar(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(progress_module, "PATIENCE_SECONDS", 0.0)
    with progress_display("drawing", 2) as advance:
        assert list(progress("abc", "measuring")) == ["a", "b", "c"]
        (bar,) = progress_module._shown
        assert [task.description for task in bar.tasks] == ["drawing"]
        advance()
    assert "1/2" in capfd.readouterr().err
    assert progress_module._shown == []
