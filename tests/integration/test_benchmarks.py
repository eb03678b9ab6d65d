"""Benchmarks run, and print what they promise; their figures are not judged."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("stylisation_speed.py", "--batch 1 --side 64 --repeats 1 --evaluations 1"),
        ("synthesis_speed.py", "--images 2 --repeats 1"),
    ],
)
def test_a_benchmark_prints_a_ratio_against_its_reference(name: str, options: str) -> None:
    command = [sys.executable, str(BENCHMARKS / name), "--json", *options.split()]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    found = json.loads(printed.stdout)
    assert found["figure"] > 0
    assert found["reference"] > 0
    assert found["ratio"] > 1
    assert found["machine"]
