"""Run many independent tasks, each of which may be repeated without harm.

A task is one image. Its randomness comes from the seed and its own name, never from its place in
the queue, so results depend neither on the order nor on the number of processes, and a run that was
stopped goes on where it was.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from threading import Thread, current_thread, main_thread
from typing import TypeVar

from adaptoscope.errors import AdaptoscopeError, SettingsError
from adaptoscope.training.progress import progress, progress_display

Task = TypeVar("Task")
Result = TypeVar("Result")

# Of the numerical libraries in each worker, this process included: a fixed number keeps results
# equal for any number of workers.
_THREADS = 1
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def run_tasks(
    tasks: Sequence[Task],
    work: Callable[[Task], Result],
    *,
    done: Callable[[Task], bool] | None = None,
    workers: int = 1,
    description: str,
    unit: str = "",
) -> list[Result]:
    """Do every task that is not done yet; return their results, in the order of ``tasks``.

    Parameters
    ----------
    tasks
        What is to be done; each has a ``name``, or its text serves as one.
    work
        Does one task; doing it twice must give the same as doing it once. With several workers it
        and the tasks cross a process boundary, so it must be a function of a module (or a
        ``functools.partial`` of one).
    done
        Says that a task was finished before, so that it is left out. By default none was.
    workers
        1 works in this process; more start that many processes.
    unit
        What one task is, as ``image``; stands before its number.
    """
    if workers < 1:
        raise SettingsError(
            "There must be someone to do the work.",
            expected="at least 1 worker",
            found=f"{workers} workers",
        )
    open_tasks = [task for task in tasks if done is None or not done(task)]
    if workers == 1 or len(open_tasks) < 2:
        with limited_threads(_THREADS):
            return [
                _attempt(work, task)
                for task in progress(open_tasks, description, len(open_tasks), unit=unit)
            ]
    return _run_in_processes(open_tasks, work, min(workers, len(open_tasks)), description, unit)


def usable_cpus() -> int:
    """Count the processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def worth_workers(tasks: int) -> int:
    """Return how many processes are worth their start for short tasks, as counting an image."""
    # A process takes about as long to begin as a network takes for a dozen images; and each holds a
    # quarter of a gigabyte, of which a laptop has a few to spare.
    return max(1, min(usable_cpus(), 4, tasks // 12))


@contextmanager
def limited_threads(threads: int) -> Iterator[None]:
    """Hold the numerical libraries of this process to a number of threads, for a while.

    Libraries that are first loaded inside read it from the environment; torch, if loaded already,
    is told directly and gets its former number back at the end.
    """
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, str(threads)))
    torch = sys.modules.get("torch")
    torch_threads = torch.get_num_threads() if torch else 0
    if torch:
        torch.set_num_threads(threads)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if torch:
            torch.set_num_threads(torch_threads)


def _run_in_processes(
    tasks: list[Task],
    work: Callable[[Task], Result],
    workers: int,
    description: str,
    unit: str,
) -> list[Result]:
    results: dict[int, Result] = {}
    # The variables are inherited: a child may load its libraries before its first line is run.
    with limited_threads(_THREADS), progress_display(description, len(tasks), unit=unit) as advance:
        pool = ProcessPoolExecutor(
            workers, mp_context=get_context("spawn"), initializer=_begin_worker
        )
        try:
            with _interrupts_left_out():
                places: dict[Future[Result], int] = {
                    pool.submit(_attempt, work, task): place for place, task in enumerate(tasks)
                }
            for future in as_completed(places):
                results[places[future]] = future.result()
                advance()
        except BrokenProcessPool as error:
            raise AdaptoscopeError(
                f"A worker process ended while it was busy ({description}).",
                expected=f"{workers} workers running to the end",
                found="a worker that the system stopped, often for want of memory",
                remedy="repeat the command with fewer workers; what was finished is kept",
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    return [results[place] for place in range(len(tasks))]


@contextmanager
def _interrupts_left_out() -> Iterator[None]:
    """Start processes that interrupts do not reach, not even while they load their libraries."""
    if current_thread() is not main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _attempt(work: Callable[[Task], Result], task: Task) -> Result:
    name = str(getattr(task, "name", task))
    try:
        return work(task)
    except AdaptoscopeError as error:
        raise type(error)(
            f"{name}: {error.summary}",
            expected=error.expected,
            found=error.found,
            remedy=error.remedy,
        ) from error
    except Exception as error:
        error.add_note(f"in task {name}")
        raise


def _begin_worker() -> None:
    """Leave interrupts to the parent, so that a task in progress is finished or never begun."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    torch = sys.modules.get("torch")
    if torch:
        torch.set_num_threads(_THREADS)


def _end_with_parent() -> None:
    """Leave at once when the parent is gone, killed or not: nobody else would end a worker."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
