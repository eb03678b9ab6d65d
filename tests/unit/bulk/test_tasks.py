import functools
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from adaptoscope.bulk.tasks import limited_threads, run_tasks
from adaptoscope.errors import AdaptoscopeError, InputError, SettingsError


@dataclass(frozen=True)
class Square:
    name: str
    side: int


def area(task: Square) -> int:
    return task.side**2


def write_area(folder: Path, task: Square) -> str:
    path = folder / f"{task.name}.txt"
    path.write_text(str(area(task)))
    return path.name


def threads_seen(task: Square) -> str:
    return os.environ["OMP_NUM_THREADS"]


def refuse_odd(task: Square) -> int:
    if task.side % 2:
        raise InputError("The side is odd.", expected="an even side", found=str(task.side))
    return task.side


def divide(task: Square) -> float:
    return 1 / task.side


def die(task: Square) -> None:
    os._exit(3)


def squares(n: int) -> list[Square]:
    return [Square(f"square_{side}", side) for side in range(n)]


def is_written(folder: Path, task: Square) -> bool:
    return (folder / f"{task.name}.txt").exists()


def test_results_come_in_the_order_of_the_tasks() -> None:
    assert run_tasks(squares(5)[::-1], area, description="areas") == [16, 9, 4, 1, 0]


def test_processes_give_the_same_results_as_this_process() -> None:
    alone = run_tasks(squares(5), area, description="areas")
    assert run_tasks(squares(5), area, workers=2, description="areas") == alone


def test_only_what_is_not_done_is_done(tmp_path: Path) -> None:
    (tmp_path / "square_1.txt").write_text("kept")
    work = functools.partial(write_area, tmp_path)
    done = functools.partial(is_written, tmp_path)
    written = run_tasks(squares(3), work, done=done, description="areas")
    assert written == ["square_0.txt", "square_2.txt"]
    assert (tmp_path / "square_1.txt").read_text() == "kept"
    assert run_tasks(squares(3), work, done=done, description="areas") == []


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_names_its_task_and_keeps_its_kind(workers: int) -> None:
    tasks = [Square("even", 2), Square("odd_one", 3)]
    with pytest.raises(InputError, match=r"odd_one: The side is odd\.") as caught:
        run_tasks(tasks, refuse_odd, workers=workers, description="sides")
    assert caught.value.expected == "an even side"
    assert caught.value.found == "3"


@pytest.mark.parametrize("workers", [1, 2])
def test_an_unforeseen_error_carries_the_name_of_its_task(workers: int) -> None:
    tasks = [Square("none", 0), Square("one", 1)]
    with pytest.raises(ZeroDivisionError) as caught:
        run_tasks(tasks, divide, workers=workers, description="shares")
    assert "in task none" in caught.value.__notes__


def test_a_worker_that_dies_is_reported_with_a_remedy() -> None:
    with pytest.raises(AdaptoscopeError, match="worker process ended") as caught:
        run_tasks(squares(2), die, workers=2, description="deaths")
    assert "fewer workers" in caught.value.remedy


@pytest.mark.parametrize("workers", [1, 2])
def test_threads_are_held_in_every_worker(workers: int) -> None:
    seen = run_tasks(squares(2), threads_seen, workers=workers, description="threads")
    assert seen == ["1", "1"]


def test_threads_are_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with limited_threads(1):
        assert os.environ["MKL_NUM_THREADS"] == "1"
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


def test_no_worker_is_refused() -> None:
    with pytest.raises(SettingsError, match="someone to do the work"):
        run_tasks(squares(2), area, workers=0, description="areas")


def interrupt(folder: Path, task: Square) -> None:
    if task.side == 1:
        raise KeyboardInterrupt
    write_area(folder, task)


def test_an_interrupt_keeps_what_was_finished(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_tasks(squares(3), functools.partial(interrupt, tmp_path), description="areas")
    assert [path.name for path in tmp_path.iterdir()] == ["square_0.txt"]


def sleep_long(task: str) -> None:
    print(f"{task} begun", flush=True)
    time.sleep(60)


def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        f"import sys\nsys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        f"from {Path(__file__).stem} import run_tasks, sleep_long\n"
        "if __name__ == '__main__':\n"
        "    run_tasks(['a', 'b'], sleep_long, workers=2, description='naps')\n"
    )
    # Every worker holds the pipe, so that its end is the end of the last of them.
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        begun = sorted(parent.stdout.readline() for _ in "ab")
        parent.kill()
        rest, _ = parent.communicate(timeout=15)
    assert begun == ["a begun\n", "b begun\n"]
    assert rest == ""
