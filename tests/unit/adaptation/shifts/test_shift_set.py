import os
from pathlib import Path

import numpy as np
import pytest

from adaptoscope.adaptation.shifts.linear_light import LinearLight
from adaptoscope.adaptation.shifts.magnification import magnify, magnify_labels, magnify_points
from adaptoscope.adaptation.shifts.overexposure import expose, saturate
from adaptoscope.adaptation.shifts.shift_set import write_shifted
from adaptoscope.adaptation.shifts.table import ShiftSettings
from adaptoscope.datasets.paired_stains import open_paired_stains
from adaptoscope.errors import InputError, OutputError
from adaptoscope.imageio.files import read_image, write_image, write_mask, write_text

SHAPE = (24, 32)
"""Small, and not square so that exchanged axes are noticed."""

ROWS = (
    "images/f{i}_bf.png,images/f{i}_dna.png,DNA,brightfield,{split},plate_{i},masks/f{i}.png",
    "images/f{i}_bf.png,images/f{i}_actin.png,actin,brightfield,{split},plate_{i},masks/f{i}.png",
    "images/f{i}_df.png,images/f{i}_dna.png,DNA,darkfield,{split},plate_{i},masks/f{i}.png",
)


def draw(seed, low=0.2, high=0.6):
    pixels = np.random.default_rng(seed).random(SHAPE, dtype=np.float32)
    return low + (high - low) * pixels


@pytest.fixture
def folder(tmp_path):
    """Three fields, two of them for training: two modalities and two stains that share images."""
    place = tmp_path / "cells"
    rows = ["input,target,stain,modality,split,group,mask"]
    points = ["image,x,y"]
    for i, split in enumerate(("train", "train", "test")):
        for kind, name in enumerate(("bf", "df", "dna", "actin")):
            depth = 8 if name == "actin" else 16
            pixels = draw(10 * i + kind, high=0.1 * (kind + 4) + 0.2 * i)
            write_image(
                place / f"images/f{i}_{name}.png", pixels, bit_depth=depth, pixel_size_um=0.6
            )
        labels = np.zeros(SHAPE, np.uint16)
        labels[4:7, 5:9], labels[12:15, 20:26] = 3, 8
        write_mask(place / f"masks/f{i}.png", labels)
        rows += [row.format(i=i, split=split) for row in ROWS]
        points += [f"f{i}_bf.png,{6.5 + i},5", f"f{i}_bf.png,22.5,13.25"]
    write_text(place / "pairs.csv", "\n".join(rows) + "\n")
    write_text(place / "points.csv", "\n".join(points) + "\n")
    write_text(place / "README.md", "# Cells\n\nLicence: CC0.\n")
    return place


def contents(folder):
    files = [path for path in Path(folder).rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def by_pair(pairs):
    return {(Path(record.input).name, record.stain): record for record in pairs}


def test_an_exposure_changes_the_given_images_and_nothing_else(folder, tmp_path):
    before = open_paired_stains(folder)
    written = write_shifted(before, tmp_path / "out", ShiftSettings(overexposure=150))
    after = written.pairs
    assert by_pair(after).keys() == by_pair(before).keys()
    shares = {}
    for key, old in by_pair(before).items():
        new = by_pair(after)[key]
        assert (new.split, new.group, new.stain) == (old.split, old.group, old.stain)
        assert new.modality == f"{old.modality} + overexposure 150 %"
        one, other = before.read(old), after.read(new)
        assert one.stain.sha256 == other.stain.sha256
        assert one.given.sha256 != other.given.sha256
        assert one.stain.scale == other.stain.scale
        assert (one.given.scale, one.given.pixel_size_um) == (
            other.given.scale, other.given.pixel_size_um,
        )  # fmt: skip
        np.testing.assert_array_equal(after.mask(new), before.mask(old))
        np.testing.assert_array_equal(after.points(new), before.points(old))
        # Noise has a single brightest pixel, unless it was cut off.
        at_top = np.count_nonzero(other.given.pixels == other.given.pixels.max())
        shares[key[0]] = at_top / other.given.pixels.size if at_top > 1 else 0
    assert written.saturated == pytest.approx(np.mean(list(shares.values())))
    assert 0.2 < written.saturated < 0.8


@pytest.mark.parametrize("dark", ["zero", "percentile"])
def test_the_white_level_is_that_of_the_training_images_of_each_modality(folder, tmp_path, dark):
    before = open_paired_stains(folder)
    how = ShiftSettings(overexposure=150, dark=dark)
    written = write_shifted(before, tmp_path / "out", how).pairs
    for kind in ("bf", "df"):
        train = [read_image(folder / f"images/f{i}_{kind}.png").pixels for i in (0, 1)]
        low, white = np.percentile(np.stack(train), [0.1, 99.9])
        light = LinearLight(0.0 if dark == "zero" else low, white)
        for i in range(3):
            old = read_image(folder / f"images/f{i}_{kind}.png")
            expected = light.to_stored_range(saturate(expose(light.to_linear(old.pixels), 150)))
            new = written.read(by_pair(written)[f"f{i}_{kind}.png", "DNA"]).given
            np.testing.assert_allclose(new.pixels, expected, atol=1.5 / 65535)


def test_a_scale_changes_stain_mask_and_centres_too(folder, tmp_path):
    before = open_paired_stains(folder)
    for scale in (0.75, 1.5):
        settings = ShiftSettings(scale=scale)
        written = write_shifted(before, tmp_path / f"{scale}", settings)
        after = written.pairs
        assert written.saturated is None
        for key, old in by_pair(before).items():
            new = by_pair(after)[key]
            one, other = before.read(old), after.read(new)
            for name in ("given", "stain"):
                image, made = getattr(one, name), getattr(other, name)
                step = 1 / (2**image.scale.bit_depth - 1)
                expected = magnify(image.pixels, scale)
                np.testing.assert_allclose(made.pixels, expected, atol=0.51 * step)
                assert made.scale == image.scale
                assert made.pixel_size_um == pytest.approx(0.6 / scale, rel=1e-5)
            labels = magnify_labels(before.mask(old), scale)
            np.testing.assert_array_equal(after.mask(new), labels)
            points = magnify_points(before.points(old), SHAPE, scale)
            np.testing.assert_allclose(after.points(new), points)


def test_every_image_is_written_once_however_many_pairs_share_it(folder, tmp_path):
    out = tmp_path / "out"
    write_shifted(open_paired_stains(folder), out, ShiftSettings(defocus=1))
    names = sorted(path.name for path in (out / "images").iterdir())
    assert names == sorted(path.name for path in (folder / "images").iterdir())
    assert len(list((out / "masks").iterdir())) == 3


def test_one_modality_keeps_the_centres_that_another_one_lists(folder, tmp_path):
    chosen = open_paired_stains(folder).select(modality="darkfield")
    after = write_shifted(chosen, tmp_path / "out", ShiftSettings(defocus=1)).pairs
    assert {record.modality for record in after} == {"darkfield + defocus 1 px"}
    assert [len(after.points(record)) for record in after] == [2, 2, 2]
    assert not list((tmp_path / "out" / "images").glob("*actin*"))


def test_noise_is_a_function_of_seed_and_name(folder, tmp_path):
    pairs, noisy = open_paired_stains(folder), ShiftSettings(read_noise=0.1)
    one = write_shifted(pairs, tmp_path / "one", noisy, seed=1).pairs
    again = write_shifted(
        pairs.with_records(reversed(pairs.records)), tmp_path / "again", noisy, seed=1
    ).pairs
    other = write_shifted(pairs, tmp_path / "other", noisy, seed=2).pairs
    assert one.hashes() == again.hashes()
    changed = {path for path, digest in one.hashes().items() if other.hashes()[path] != digest}
    assert changed == {f"images/f{i}_{kind}.png" for i in range(3) for kind in ("bf", "df")}
    noise = [
        one.read(by_pair(one)[f"f{i}_bf.png", "DNA"]).given.pixels
        - read_image(folder / f"images/f{i}_bf.png").pixels
        for i in (0, 1)
    ]
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.2


class Killed(Exception):
    pass


def test_a_killed_run_goes_on_to_identical_files(folder, tmp_path):
    settings = ShiftSettings(scale=1.25, overexposure=150, photons=300)
    pairs = open_paired_stains(folder)
    write_shifted(pairs, tmp_path / "whole", settings, seed=3)
    seen = []

    def kill(name):
        seen.append(name)
        if len(seen) == 2:
            raise Killed

    with pytest.raises(Killed):
        write_shifted(pairs, tmp_path / "broken", settings, seed=3, on_image=kill)
    assert not (tmp_path / "broken" / "pairs.csv").exists()
    before = (tmp_path / "broken" / "images" / "f0_bf.png").stat().st_mtime_ns
    written = write_shifted(pairs, tmp_path / "broken", settings, seed=3)
    assert (tmp_path / "broken" / "images" / "f0_bf.png").stat().st_mtime_ns == before
    assert contents(tmp_path / "broken") == contents(tmp_path / "whole")
    finished = write_shifted(pairs, tmp_path / "whole", settings, seed=3)
    assert finished.saturated == written.saturated


def test_a_folder_is_not_mixed(folder, tmp_path):
    out, pairs = tmp_path / "out", open_paired_stains(folder)
    write_shifted(pairs, out, ShiftSettings(overexposure=150))
    kept = contents(out)
    for other in (
        {"settings": ShiftSettings(overexposure=125)},
        {"settings": ShiftSettings(overexposure=150), "seed": 1},
        {"settings": ShiftSettings(overexposure=150), "pairs": pairs.select(split="test")},
    ):
        with pytest.raises(OutputError, match="other settings"):
            write_shifted(**{"pairs": pairs, "out": out, **other})
    write_image(folder / "images" / "f0_bf.png", draw(99), bit_depth=16)
    with pytest.raises(OutputError, match="other settings"):
        write_shifted(open_paired_stains(folder), out, ShiftSettings(overexposure=150))
    assert contents(out) == kept
    write_shifted(pairs, out, ShiftSettings(defocus=1), overwrite=True)
    assert contents(out) != kept


def test_a_set_is_not_written_over(folder, tmp_path):
    out = tmp_path / "out"
    shifted = write_shifted(open_paired_stains(folder), out, ShiftSettings(defocus=1)).pairs
    kept = contents(out)
    with pytest.raises(OutputError, match="made from"):
        write_shifted(shifted, out, ShiftSettings(defocus=1), overwrite=True)
    assert contents(out) == kept


def test_the_card_says_what_was_done_and_keeps_the_licence(folder, tmp_path):
    settings = ShiftSettings(scale=0.8, overexposure=150)
    written = write_shifted(open_paired_stains(folder), tmp_path / "out", settings)
    card = (tmp_path / "out" / "README.md").read_text()
    assert card.startswith("# cells, scale 0.8 + overexposure 150 %\n")
    assert f"{100 * written.saturated:.2f} %" in card
    assert "mirrored cells" in card
    assert "### Cells\n\nLicence: CC0." in card
    again = write_shifted(written.pairs, tmp_path / "again", ShiftSettings(defocus=1))
    assert {record.modality for record in again.pairs} == {
        f"{kind} + scale 0.8 + overexposure 150 % + defocus 1 px"
        for kind in ("brightfield", "darkfield")
    }


@pytest.fixture
def bare(tmp_path):
    """Write a set without masks, centres, splits or modalities."""

    def make(*pairs):
        for seed, path in enumerate(path for pair in pairs for path in pair):
            write_image(tmp_path / "bare" / path, draw(seed))
        rows = "".join(f"{given},{stain}\n" for given, stain in pairs)
        write_text(tmp_path / "bare" / "pairs.csv", f"input,target\n{rows}")
        return open_paired_stains(tmp_path / "bare")

    return make


def test_files_of_one_name_in_two_folders_are_told_apart(bare, tmp_path):
    pairs = bare(("phase/001.png", "stain/001.png"), ("phase/002.tif", "stain/002.tif"))
    after = write_shifted(pairs, tmp_path / "out", ShiftSettings(overexposure=150)).pairs
    assert [record.input for record in after] == ["images/phase_001.png", "images/phase_002.png"]
    for old, new in zip(pairs, after, strict=True):
        assert pairs.read(old).stain.sha256 == after.read(new).stain.sha256
        assert new.modality == "overexposure 150 %"
        assert after.mask(new) is None
    assert not after.has_points


def test_files_that_cannot_be_told_apart_are_refused(bare, tmp_path):
    pairs = bare(("a/x.png", "a/y.png"), ("a/x.tif", "a/z.png"))
    with pytest.raises(InputError, match="same name"):
        write_shifted(pairs, tmp_path / "out", ShiftSettings(defocus=1))


def test_an_image_that_is_given_and_stained_is_refused(bare, tmp_path):
    pairs = bare(("a.png", "b.png"), ("b.png", "c.png"))
    with pytest.raises(InputError, match="two roles") as caught:
        write_shifted(pairs, tmp_path / "out", ShiftSettings(defocus=1))
    assert caught.value.found == "b.png"
    assert not (tmp_path / "out").exists()


def test_real_pairs_of_two_modalities(tmp_path):
    data = os.environ.get("ADAPTOSCOPE_DATA")
    if not data or not (Path(data) / "mlcp-ifc").is_dir():
        pytest.skip("ADAPTOSCOPE_DATA does not hold mlcp-ifc")
    whole = open_paired_stains(Path(data) / "mlcp-ifc")
    pairs = whole.select(modality="brightfield", split="val")
    settings = ShiftSettings(scale=1.5, overexposure=150)
    written = write_shifted(pairs, tmp_path / "out", settings)
    (old,), (new,) = pairs, written.pairs
    assert written.pairs.read(new).given.shape == pairs.read(old).given.shape
    assert 0 < written.saturated < 1
    # The middle two thirds of 30 x 30 cells.
    assert len(written.pairs.points(new)) == pytest.approx(400, abs=60)
