import json
import subprocess
import sys

import adaptoscope
from adaptoscope.cli import COMMANDS


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "adaptoscope", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_help_lists_every_command() -> None:
    answer = call("--help")
    assert answer.returncode == 0
    assert all(name in answer.stdout for name in COMMANDS)


def test_version_is_printed() -> None:
    answer = call("--version")
    assert answer.returncode == 0
    assert answer.stdout == f"adaptoscope {adaptoscope.__version__}\n"


def test_doctor_prints_one_json_object() -> None:
    answer = call("doctor", "--json")
    assert answer.returncode == 0
    assert json.loads(answer.stdout)["adaptoscope"] == adaptoscope.__version__
    assert answer.stderr == ""


def test_options_that_make_no_sense_leave_with_two() -> None:
    answer = call("doctor", "--colour")
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert "Traceback" not in answer.stderr
