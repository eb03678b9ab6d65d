import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from adaptoscope.datasets.counted_images import CountedImageSet, open_counted_images
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.errors import InputError, LeakageError, OutputError
from adaptoscope.imageio.files import read_image, write_image
from adaptoscope.style_transfer.backbones.compact.network import CompactBackbone
from adaptoscope.style_transfer.learn_style import learn_style
from adaptoscope.style_transfer.preprocessing import as_batch
from adaptoscope.style_transfer.style_file import load_style
from tests.unit.style_transfer.conftest import ODD_SHAPE, draw_discs, write_set

SPLITS = "train train val test"


def test_a_style_holds_a_row_for_every_image(backbone: CompactBackbone, tmp_path: Path) -> None:
    images = write_set(tmp_path / "real", 4, ODD_SHAPE, SPLITS).split("train")
    style = learn_style(tmp_path / "style.safetensors", images, backbone, "hash", seed=5)
    assert style.tokens.shape == (2, 2, 16)
    assert style.latent_mean.shape == (2, 4)
    assert style.residual_spectrum.shape == (2, 64, 64)
    facts = load_style(tmp_path / "style.safetensors").facts
    assert [image.split for image in facts.images] == ["train", "train"]
    assert facts.images[0].sha256 == images.read(images.records[0]).sha256
    assert (facts.bit_depth, facts.token_mode, facts.steps) == (8, "zero_shot", 0)
    assert 0 < facts.images[0].noise_level < 0.1
    assert facts.images[0].intensity_low < facts.images[0].intensity_high


@pytest.mark.parametrize("split", ["val", "test"])
def test_images_kept_back_are_refused(
    backbone: CompactBackbone, tmp_path: Path, split: str
) -> None:
    images = write_set(tmp_path / "real", 4, splits=SPLITS)
    with pytest.raises(LeakageError, match="kept back"):
        learn_style(tmp_path / "style.safetensors", images.split(split), backbone, "hash")
    assert not (tmp_path / "style.safetensors").exists()


def test_a_renamed_and_converted_test_image_is_still_refused(
    backbone: CompactBackbone, tmp_path: Path
) -> None:
    real = write_set(tmp_path / "real", 4, splits=SPLITS)
    copy = tmp_path / "mine" / "harmless.tif"
    copy.parent.mkdir()
    held = read_image(real.path(real.images_of("test")[0]))
    write_image(copy, held.pixels, bit_depth=8)
    mine = open_counted_images(tmp_path / "mine")
    with pytest.raises(LeakageError) as caught:
        learn_style(tmp_path / "s.safetensors", mine, backbone, "hash", held_out=[real])
    assert "harmless.tif" in caught.value.summary
    assert "test" in caught.value.found


def test_the_limit_draws_by_seed(backbone: CompactBackbone, tmp_path: Path) -> None:
    images = write_set(tmp_path / "real", 6)
    chosen = [
        [
            image.name
            for image in learn_style(
                tmp_path / f"{seed}.safetensors", images, backbone, "hash", limit=2, seed=seed
            ).facts.images
        ]
        for seed in (0, 0, 1)
    ]
    assert chosen[0] == chosen[1]
    assert len(chosen[2]) == 2


def test_another_style_is_replaced_on_request_alone(
    backbone: CompactBackbone, tmp_path: Path
) -> None:
    out = tmp_path / "s.safetensors"
    images, others = (write_set(tmp_path / str(seed), 1, seed=seed) for seed in (0, 1))
    learn_style(out, images, backbone, "hash")
    before = out.read_bytes()
    for different in ((others, backbone, "hash"), (images, backbone, "other hash")):
        with pytest.raises(OutputError, match="--overwrite"):
            learn_style(out, *different)
    learn_style(out, images, backbone, "hash")
    assert out.read_bytes() == before
    learn_style(out, others, backbone, "hash", overwrite=True)
    assert load_style(out).facts.images[0].sha256 == others.read(others.records[0]).sha256


def test_held_out_sets_are_read_once(
    backbone: CompactBackbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = write_set(tmp_path / "real", 2)
    held_out = write_set(tmp_path / "held", 1, splits="test", seed=3)
    read, seen = CountedImageSet.read, []
    monkeypatch.setattr(
        CountedImageSet, "read", lambda s, record: seen.append(s.folder.name) or read(s, record)
    )
    learn_style(tmp_path / "s.safetensors", images, backbone, "hash", held_out=[held_out])
    assert Counter(seen) == {"held": 1, "real": 4}


def test_an_image_without_cells_makes_a_finite_style_that_can_be_read(
    backbone: CompactBackbone, tmp_path: Path
) -> None:
    writer = CountedImageWriter(tmp_path / "real", {}, "Empty beside cells")
    writer.add("a", np.full((64, 64), 0.2, np.float32), points=None)
    cells = draw_discs((64, 64), np.array([[20.0, 20.0], [40.0, 44.0]]))[0]
    writer.add("b", cells, points=None)
    with pytest.warns(UserWarning, match="No nucleus was seen in 1 of 2 style images: a"):
        style = learn_style(
            tmp_path / "s.safetensors", writer.finish("Made for a test."), backbone, "hash"
        )
    assert style.facts.images[0].cell_cover == style.facts.images[0].cell_diameter_px == 0
    assert load_style(tmp_path / "s.safetensors").facts == style.facts
    assert torch.isfinite(style.cell_mean).all()


@pytest.mark.parametrize("deviation", [0.0, 0.1, 0.5, 2.0])
def test_images_without_any_cell_are_refused(
    backbone: CompactBackbone, tmp_path: Path, deviation: float
) -> None:
    noise = np.random.default_rng(0).normal(25.5, deviation, (64, 64)).astype(np.float32)
    writer = CountedImageWriter(tmp_path / "real", {}, "Blank wells")
    writer.add("a", noise / 255, points=None)
    with pytest.raises(InputError, match="No nucleus was seen"):
        learn_style(tmp_path / "s.safetensors", writer.finish("Blank."), backbone, "hash")
    assert not (tmp_path / "s.safetensors").exists()


def test_images_too_small_for_a_style_are_refused(
    backbone: CompactBackbone, tmp_path: Path
) -> None:
    images = write_set(tmp_path / "real", 1, (48, 80))
    with pytest.raises(InputError, match="too small"):
        learn_style(tmp_path / "s.safetensors", images, backbone, "hash")


def test_mixed_bit_depths_are_refused(backbone: CompactBackbone, tmp_path: Path) -> None:
    writer = CountedImageWriter(tmp_path / "real", {}, "Mixed")
    pixels = np.random.default_rng(0).random((64, 64)).astype(np.float32)
    for name, depth in (("a", 8), ("b", 16)):
        writer.add(name, pixels, bit_depth=depth, points=None)
    images = writer.finish("Made for a test.")
    with pytest.raises(InputError, match="bit depth"):
        learn_style(tmp_path / "s.safetensors", images, backbone, "hash")
    shutil.rmtree(tmp_path / "real")


def test_images_are_extended_to_the_multiple() -> None:
    image = np.arange(30 * 33, dtype=np.float32).reshape(30, 33)
    batch = as_batch([image, image], 32)
    assert batch.shape == (2, 1, 32, 64)
    np.testing.assert_array_equal(batch[0, 0, :30, :33].numpy(), image)
