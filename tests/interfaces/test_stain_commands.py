from pathlib import Path

import numpy as np
import pytest
from tests.interfaces.conftest import ask, contents, refuse, succeed, write_yaml

from adaptoscope.datasets.paired_stains import open_paired_stains
from adaptoscope.images.files import write_image, write_text


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Two modalities of two fields, each with one stain."""
    folder = tmp_path / "pairs"
    rows = ["input,target,modality,split"]
    for field in range(2):
        for seed, name in enumerate(("bf", "df", "dna")):
            pixels = np.random.default_rng(10 * field + seed).random((20, 24)) / 2
            write_image(folder / "images" / f"f{field}_{name}.png", pixels, bit_depth=16)
        for name, modality in (("bf", "brightfield"), ("df", "darkfield")):
            rows.append(f"images/f{field}_{name}.png,images/f{field}_dna.png,{modality},train")
    write_text(folder / "pairs.csv", "\n".join(rows) + "\n")
    write_text(folder / "points.csv", "image,x,y\nf0_bf.png,11.5,9.5\nf1_bf.png,1,1\n")
    return folder


def test_shift_writes_a_set_and_says_what_it_is(pairs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shifts = ("--overexposure", 150, "--scale", 1.5, "--modality", "darkfield")
    said = succeed("stain", "shift", pairs, out, *shifts)
    assert said.startswith(f"{out}: 2 images, 2 pairs, scale 1.5 + overexposure 150 %; ")
    assert said.endswith(" % of the pixels at white\n")
    written = open_paired_stains(out)
    name = "darkfield + scale 1.5 + overexposure 150 %"
    assert len(written.select(modality=name, split="train")) == 2
    assert [written.points(record).tolist() for record in written] == [[[9.5, 11.5]], []]
    kept = contents(out)
    succeed("stain", "shift", pairs, out, *shifts)
    assert contents(out) == kept


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (("--defocus", 1.5), "defocus 1.5 px"),
        (("--photons", 200, "--read-noise", 0.02), "200 photons + read noise 0.02"),
        (("--gradient", 0.4, "--gradient-angle", 90), "gradient 0.4 at 90 degrees"),
        (("--overexposure", 62.5), "exposure 62.5 %"),
    ],
)
def test_every_shift_has_an_option(
    pairs: Path, tmp_path: Path, options: tuple[object, ...], name: str
) -> None:
    said = succeed("stain", "shift", pairs, tmp_path / "out", *options, "--seed", 1)
    assert f"4 images, 4 pairs, {name}" in said


def test_options_win_over_a_settings_file(pairs: Path, tmp_path: Path) -> None:
    settings = write_yaml(tmp_path / "shift.yaml", {"overexposure": 125, "defocus": 1})
    shift = ("stain", "shift", pairs, tmp_path / "out", "--settings", settings)
    assert "defocus 1 px + overexposure 175 %" in succeed(*shift, "--overexposure", 175)


def test_shift_refuses_what_it_cannot_do(pairs: Path, fields: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shift = ("stain", "shift", pairs, out)
    assert "No shift was given" in refuse(*shift)
    assert "`scale`" in refuse(*shift, "--scale", 9)
    assert "`overexposure`" in refuse(*shift, "--overexposure", -10)
    assert "without gradient" in refuse(*shift, "--scale", 1.5, "--gradient-angle", 30)
    assert "brightfield, darkfield" in refuse(*shift, "--scale", 1.5, "--modality", "phase")
    assert "pairs.csv" in refuse("stain", "shift", fields, out, "--scale", 1.5)
    assert "nowhere" in refuse("stain", "shift", tmp_path / "nowhere", out, "--scale", 1.5)
    assert "made from" in refuse("stain", "shift", pairs, pairs, "--scale", 1.5, "--overwrite")
    assert not out.exists()


def test_shift_leaves_a_folder_of_somebody_else_alone(pairs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_text(out / "notes.txt", "mine")
    for force in ((), ("--overwrite",)):
        said = refuse("stain", "shift", pairs, out, "--scale", 1.5, *force)
        assert "holds something else" in said
    assert contents(out) == {"notes.txt": b"mine"}
    own = tmp_path / "own"
    succeed("stain", "shift", pairs, own, "--scale", 1.5)
    assert "other settings" in refuse("stain", "shift", pairs, own, "--scale", 1.25)
    succeed("stain", "shift", pairs, own, "--scale", 1.25, "--overwrite")


def test_help_gives_the_units() -> None:
    said = " ".join(ask("stain", "shift", "--help").out.replace("│", " ").split())
    for unit in ("% of now", "in pixels", "in degrees", "photons of a", "as a share of white"):
        assert unit in said
