"""Small fixed inputs give what they gave: a change of structure moves no number.

Where a change of method moves one on purpose, ``python tests/golden/results.py`` writes the file
anew, and the difference of the file says which numbers moved and by how much.
"""

import json
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from results import PINNED, RESULTS

# Differences of the last digits between processors and versions of libraries.
CLOSE = 1e-3
EXPECTED = json.loads(PINNED.read_text(encoding="utf-8"))


def test_every_result_is_pinned():
    assert list(EXPECTED) == list(RESULTS)


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_is_what_it_was(name):
    if "real" in name and "ADAPTOSCOPE_DATA" not in os.environ:
        pytest.skip("ADAPTOSCOPE_DATA does not say where the real images are")
    made = RESULTS[name]()
    assert list(made) == list(EXPECTED[name])
    for each, value in EXPECTED[name].items():
        assert made[each] == pytest.approx(value, rel=CLOSE, abs=CLOSE), each
