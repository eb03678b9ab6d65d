"""One job of the app in a process of its own: ``python -m adaptoscope.cli.job FOLDER``.

The folder holds ``job.json``; the process writes ``output.txt``, ``messages.txt``, ``alive``
while it runs and ``end.json`` when it ends. So a job outlives the page and the server, and is
found again.
"""

from __future__ import annotations

import _thread
import contextlib
import json
import os
import sys
import threading
import time
from pathlib import Path

from adaptoscope.cli import main
from adaptoscope.imageio.atomic_files import write_json
from adaptoscope.web.jobs import ALIVE_SECONDS

_NICE = 5


def run(folder: Path) -> int:
    """Run the command of a job and keep what it says.

    Parameters
    ----------
    folder
        The job's own folder.

    Returns
    -------
    int
        Exit code of the command; 130 where it was stopped.
    """
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    if job["heavy"] and hasattr(os, "nice"):
        os.nice(_NICE)  # Counting, which people wait for, goes before learning.
    threading.Thread(target=_show_alive, args=(folder,), daemon=True).start()
    code = 0
    with (
        (folder / "output.txt").open("a", encoding="utf-8", buffering=1) as output,
        (folder / "messages.txt").open("a", encoding="utf-8", buffering=1) as messages,
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(messages),
    ):
        try:
            main(job["arguments"])
        except SystemExit as leaving:
            code = leaving.code if isinstance(leaving.code, int) else int(bool(leaving.code))
        except KeyboardInterrupt:
            code = 130
        except BaseException as error:  # noqa: BLE001
            messages.write(f"error: {type(error).__name__}: {error}\n")
            code = 1
    write_json(folder / "end.json", {"code": code, "ended": time.time()})
    return code


def _show_alive(folder: Path) -> None:
    while True:
        (folder / "alive").write_text(str(os.getpid()), encoding="ascii")
        if (folder / "stop").exists():
            _thread.interrupt_main()
            return
        time.sleep(ALIVE_SECONDS)


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1])))
