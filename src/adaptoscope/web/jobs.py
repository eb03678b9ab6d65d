"""Jobs: commands of Adaptoscope that run while the page is open or closed, and are found again."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from adaptoscope.errors import InputError
from adaptoscope.imageio.atomic_files import write_json
from adaptoscope.imageio.json_values import read_json

State = Literal["waiting", "running", "done", "failed", "stopped"]

ALIVE_SECONDS = 2.0
"""How often a job shows that it runs, and looks whether it shall stop."""

# A job that has not shown itself for so long was killed.
_SILENCE_SECONDS = 8 * ALIVE_SECONDS
_SHOWN_LINES = 12
_STEPS = re.compile(r"(\d+) of (\d+)")


@dataclass(frozen=True)
class Job:
    """One command.

    Parameters
    ----------
    folder
        Its own folder; the name is the job's id.
    owner
        Whose page asked for it; other people do not see it.
    kind
        ``count``, ``learn`` or ``check``.
    title
        What it does, for a person.
    arguments
        What follows ``adaptoscope``.
    heavy
        Whether it learns, so that counting goes first.
    created
        Seconds since 1970.
    result
        File or folder that it makes.
    """

    folder: Path
    owner: str
    kind: str
    title: str
    arguments: tuple[str, ...]
    heavy: bool
    created: float
    result: str = ""

    @property
    def state(self) -> State:
        """How far it is, from its folder alone."""
        end = self._json("end.json")
        if end is not None:
            return {0: "done", 130: "stopped"}.get(end["code"], "failed")  # type: ignore[return-value]
        try:
            silent = time.time() - (self.folder / "alive").stat().st_mtime
        except OSError:
            begun = self._json("begun.json")
            if begun is None:
                return "waiting"
            silent = time.time() - begun["begun"]
        return "running" if silent < _SILENCE_SECONDS else "stopped"

    def as_dict(self) -> dict[str, Any]:
        """Return what a page shows of it."""
        messages = self._text("messages.txt")
        lines = [line for line in messages.splitlines() if line.strip()]
        steps = next((found for line in reversed(lines) if (found := _STEPS.search(line))), None)
        return {
            "id": self.folder.name,
            "kind": self.kind,
            "title": self.title,
            "state": self.state,
            "created": self.created,
            "result": self.result,
            "command": shlex.join(["adaptoscope", *self.arguments]),
            "messages": lines[-_SHOWN_LINES:],
            "output": self._text("output.txt")[-4000:],
            "done": int(steps[1]) if steps else None,
            "total": int(steps[2]) if steps else None,
        }

    def stop(self) -> None:
        """Ask it to stop; what is done is kept, and the same job goes on."""
        (self.folder / "stop").write_text("", encoding="ascii")
        if self.state == "waiting":
            write_json(self.folder / "end.json", {"code": 130, "ended": time.time()})

    def begin(self) -> None:
        """Start its process, which does not end with this one."""
        write_json(self.folder / "begun.json", {"begun": time.time()})
        environment = {**os.environ, "ADAPTOSCOPE_LINE_SECONDS": "1", "NO_COLOR": "1"}
        environment.pop("FORCE_COLOR", None)
        subprocess.Popen(
            [sys.executable, "-m", "adaptoscope.cli.job", str(self.folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=os.name != "nt",
        )

    def _text(self, name: str) -> str:
        try:
            return (self.folder / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def _json(self, name: str) -> dict[str, Any] | None:
        text = self._text(name)
        return read_json(text) if text else None


class Jobs:
    """All jobs, and which of them run.

    Parameters
    ----------
    folders
        Each holds a folder for each job.
    most
        Most jobs that run at once; one place is kept for those that learn, the others count.
    """

    def __init__(self, folders: Sequence[Path], most: int = 0) -> None:
        self.folders = folders
        self.most = most or max(2, os.cpu_count() or 2)
        self._lock = threading.Lock()

    def add(
        self,
        place: Path,
        owner: str,
        kind: str,
        title: str,
        arguments: Sequence[str],
        *,
        heavy: bool = False,
        result: str = "",
    ) -> Job:
        """Put a command into the queue; `place` is one of the folders."""
        folder = place / f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}"
        folder.mkdir(parents=True)
        job = Job(folder, owner, kind, title, tuple(arguments), heavy, time.time(), result)
        write_json(folder / "job.json", {**asdict(job), "folder": folder.name})
        self.begin_waiting()
        return job

    def of(self, owner: str) -> list[Job]:
        """Return the jobs of one person, the newest first."""
        return [job for job in reversed(self.all()) if job.owner == owner]

    def find(self, owner: str, name: str) -> Job:
        """Return a job of a person by its id."""
        for job in self.of(owner):
            if job.folder.name == name:
                return job
        raise InputError("There is no such job.", expected="a job of yours", found=name[:80])

    def all(self) -> list[Job]:
        """Return all jobs in the order in which they were asked for."""
        files = (file for folder in self.folders for file in folder.glob("*/job.json"))
        return [_read(file) for file in sorted(files, key=lambda file: file.parent.name)]

    def begin_waiting(self) -> None:
        """Begin what waits, as far as there is room; called whenever somebody looks."""
        with self._lock:
            jobs = self.all()
            running = [job for job in jobs if job.state == "running"]
            for job in (job for job in jobs if job.state == "waiting"):
                alike = sum(each.heavy == job.heavy for each in running)
                room = 1 if job.heavy else self.most - 1
                if alike < room:
                    job.begin()
                    running.append(job)


def _read(file: Path) -> Job:
    entries = read_json(file.read_text(encoding="utf-8"))
    entries["folder"], entries["arguments"] = file.parent, tuple(entries["arguments"])
    return Job(**entries)
