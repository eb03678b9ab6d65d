"""`count predict` as a process of its own, killed and interrupted while it counts."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from adaptoscope.imageio.files import write_image

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")

IMAGES = 24
MANY = 240
"""So many that a signal comes before the last one on a machine that is busy, too."""


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    for number in range(IMAGES):
        generator = np.random.default_rng(number)
        pixels = generator.normal(0.1, 0.01, (96, 96))
        rows, columns = np.mgrid[:96, :96]
        for row, column in generator.integers(6, 90, (10, 2)):
            pixels += 0.6 * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 12.0)
        write_image(folder / f"f{number}.png", pixels.clip(0, 1))
    return folder


def start(images: Path, out: Path, *options: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "adaptoscope", "count", "predict", images, "--model", "dog",
               "--out", out / "counts.csv", "--points", out / "p", "--overlays", out / "o",
               "--plot", out / "plot.png", *options]  # fmt: skip
    return subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def contents(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def drawn(out: Path) -> dict[str, int]:
    """When the overlay of each image was written, which comes just before its record."""
    return {file.name: file.stat().st_mtime_ns for file in (out / "o").glob("f*.png")}


def records(out: Path) -> int:
    return len(list((out / ".counts.csv.unfinished").glob("[!s.]*.json")))


def stop(process: subprocess.Popen[str], out: Path, wanted: int, how: int) -> str:
    """Stop a process once so many images are counted, and return what it said."""
    while records(out) < wanted and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(how)
    return process.communicate(timeout=60)[1]


def test_a_count_that_is_killed_again_and_again_gives_the_same_files(
    images: Path, tmp_path: Path
) -> None:
    usual, out = tmp_path / "usual", tmp_path / "killed"
    assert start(images, usual).wait() == 0
    chance = random.Random(0)
    twice, said = 0, []
    before: dict[str, int] = {}
    for first in (1, 8, 16):
        stop(start(images, out), out, chance.randint(first, first + 7), signal.SIGKILL)
        now = drawn(out)
        twice += sum(now[name] != at for name, at in before.items())
        before = now
    last = start(images, out, "--workers", 2)
    said.append(last.communicate()[1])
    twice += sum(drawn(out)[name] != at for name, at in before.items())

    assert last.returncode == 0
    assert f"of {IMAGES} images were counted before; going on." in said[0]
    assert contents(out) == contents(usual)
    assert twice <= 3


def test_an_interrupt_says_in_one_sentence_that_the_command_goes_on(
    images: Path, tmp_path: Path
) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for image in images.iterdir():
        for copy in range(MANY // IMAGES):
            os.link(image, many / f"{copy}-{image.name}")
    process = start(many, tmp_path, "--workers", 1)
    said = stop(process, tmp_path, 3, signal.SIGINT)
    assert process.returncode == 130, said
    done = records(tmp_path)
    assert said == (
        f"Interrupted. {done} of {MANY} images are counted and kept; the same command goes on.\n"
    )
