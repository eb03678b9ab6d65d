from pathlib import Path

import numpy as np
import pytest
import torch

from adaptoscope.errors import InputError
from adaptoscope.style_transfer.backbones.compact.network import CompactBackbone
from adaptoscope.style_transfer.backbones.stable_diffusion.clip_input import legacy_cast
from adaptoscope.style_transfer.style_tokens.examples import (
    StyleExample,
    StyleExamples,
    read_examples,
)
from adaptoscope.style_transfer.style_tokens.settings import TokenSettings
from tests.unit.style_transfer.backbones.test_tiled import PointwiseMoments
from tests.unit.style_transfer.conftest import ODD_SHAPE, write_set

CPU = torch.device("cpu")


def numbered(height: int, width: int, versions: int = 1, sd: float = 0.0) -> StyleExample:
    """An example whose latents say where they are from."""
    mean = torch.arange(versions * height * width).reshape(versions, 1, height, width).float()
    return StyleExample(
        pixels=torch.zeros(1, 1, 8 * height, 8 * width),
        mean=mean,
        spread=torch.full_like(mean, sd),
        layout=mean.expand(-1, 9, -1, -1),
    )


def test_images_are_encoded_as_the_backbone_does_it(
    backbone: CompactBackbone, tmp_path: Path
) -> None:
    images = write_set(tmp_path, 2, ODD_SHAPE)
    examples = read_examples(images, backbone, TokenSettings(side=64), CPU)
    first = examples.examples[0]
    assert first.mean.shape == (2, 4, 9, 10)
    assert first.layout is not None
    assert first.layout.shape == (2, 9, 9, 10)
    assert not first.spread.any()
    padded = torch.nn.functional.pad(first.pixels, (0, 16, 0, 24), mode="reflect")
    with torch.no_grad():
        expected = backbone.encode(padded)[:, :, :9, :10]
    torch.testing.assert_close(first.mean[:1], expected)


def test_the_mirrored_version_is_encoded_anew_with_its_layout(
    backbone: CompactBackbone, tmp_path: Path
) -> None:
    images = write_set(tmp_path, 1)
    example = read_examples(images, backbone, TokenSettings(), CPU).examples[0]
    with torch.no_grad():
        torch.testing.assert_close(example.mean[1:], backbone.encode(example.pixels.flip(-1)))
    assert example.layout is not None
    covered = example.layout[:, :4].mean(1)
    torch.testing.assert_close(covered[1], covered[0].flip(-1))
    plain = read_examples(images, backbone, TokenSettings(flips=False, use_layout=False), CPU)
    assert plain.examples[0].mean.shape[0] == 1
    assert plain.examples[0].layout is None


def test_latents_of_a_squashed_image_are_square_and_tokens_see_the_field(
    backbone: CompactBackbone, tmp_path: Path
) -> None:
    images = write_set(tmp_path, 1, ODD_SHAPE)
    settings = TokenSettings(fit="squash", side=32)
    example = read_examples(images, backbone, settings, CPU).examples[0]
    assert example.pixels.shape == (1, 1, *ODD_SHAPE)
    assert example.mean.shape == (2, 4, 4, 4)


def test_the_legacy_view_is_that_of_the_stored_intensities(
    backbone: CompactBackbone, tmp_path: Path
) -> None:
    images = write_set(tmp_path, 1)
    stored = torch.from_numpy(images.read(images.records[0]).pixels)[None, None]
    settings = TokenSettings(token_mode="encoder", clip_input="legacy_uint8")
    legacy = read_examples(images, backbone, settings, CPU).examples[0]
    torch.testing.assert_close(legacy.pixels, 2 * stored - 1, rtol=0, atol=0)
    black = float((stored == 0).float().mean())
    assert float((legacy_cast(legacy.pixels) == 255).float().mean()) == pytest.approx(black)
    correct = read_examples(images, backbone, settings.changed(clip_input="correct"), CPU)
    assert not torch.equal(correct.examples[0].pixels, legacy.pixels)
    torch.testing.assert_close(correct.examples[0].mean, legacy.mean)


def test_large_images_are_encoded_in_tiles(tmp_path: Path) -> None:
    images = write_set(tmp_path, 1, (100, 180))
    model = PointwiseMoments()
    example = read_examples(images, model, TokenSettings(use_layout=False), CPU).examples[0]
    assert {tuple(shape[2:]) for shape in model.seen} == {(64, 64)}
    padded = torch.nn.functional.pad(example.pixels, (0, 12, 0, 28), mode="reflect")
    whole = padded[:, :, ::8, ::8][:, :, :12, :22]
    torch.testing.assert_close(example.mean[:1], whole)
    torch.testing.assert_close(example.spread[:1], whole.abs())


def test_too_small_an_image_is_refused(backbone: CompactBackbone, tmp_path: Path) -> None:
    images = write_set(tmp_path, 1, (24, 40))
    with pytest.raises(InputError, match="too small"):
        read_examples(images, backbone, TokenSettings(), CPU)


def test_crops_are_windows_of_their_image_with_its_layout() -> None:
    examples = StyleExamples([numbered(6, 9), numbered(5, 7)], side=4)
    batch = examples.draw(np.random.default_rng(0), 32)
    assert batch.latents.shape == (32, 1, 4, 4)
    assert batch.layout is not None
    for row, crop, layout in zip(batch.rows, batch.latents, batch.layout, strict=True):
        windows = examples.examples[int(row)].mean[0, 0].unfold(0, 4, 1).unfold(1, 4, 1)
        assert (windows == crop[0]).all((-1, -2)).any()
        assert torch.equal(layout, crop.expand(9, -1, -1))
    assert set(batch.rows.tolist()) == {0, 1}


def test_crops_are_no_larger_than_the_smallest_image() -> None:
    assert StyleExamples([numbered(6, 9), numbered(5, 7)], side=16).side == 5


def test_draws_repeat_with_their_generators() -> None:
    examples = StyleExamples([numbered(6, 9, versions=2, sd=1.0)], side=4)
    drawn = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        drawn.append(examples.draw(np.random.default_rng(0), 4).latents)
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_latents_are_sampled_with_their_spread() -> None:
    examples = StyleExamples([numbered(4, 4, sd=0.5)], side=4)
    torch.manual_seed(0)
    batch = examples.draw(np.random.default_rng(0), 512)
    noise = batch.latents - examples.examples[0].mean
    assert noise.std().item() == pytest.approx(0.5, rel=0.05)
    assert abs(noise.mean().item()) < 0.02
