"""Token learning on the Stable Diffusion backbone, in all modes."""

import json
from pathlib import Path

import pytest
import torch

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.errors import OutputError, SettingsError
from adaptoscope.style_transfer.backbones.protocol import Reading
from adaptoscope.style_transfer.backbones.stable_diffusion.backbone import StableDiffusionBackbone
from adaptoscope.style_transfer.backbones.stable_diffusion.encoder_file import (
    give_encoder,
    load_style_encoder,
)
from adaptoscope.style_transfer.backbones.stable_diffusion.loading import load_stable_diffusion
from adaptoscope.style_transfer.backbones.stable_diffusion.settings import StableDiffusionSettings
from adaptoscope.style_transfer.learn_style import learn_style
from adaptoscope.style_transfer.style_tokens.examples import read_examples
from adaptoscope.style_transfer.style_tokens.learn_tokens import learn_checked_classes
from adaptoscope.style_transfer.style_tokens.settings import TokenSettings
from adaptoscope.style_transfer.style_tokens.token_file import LearntTokens
from tests.unit.style_transfer.backbones.stable_diffusion.conftest import WIDTH
from tests.unit.style_transfer.conftest import write_set

SETTINGS = TokenSettings(steps=2, batch=2, side=64, save_every=1)
MODES = [("encoder", "legacy_uint8"), ("encoder_mean", "correct"), ("patch", "correct")]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> CountedImageSet:
    return write_set(tmp_path_factory.mktemp("real"), 2)


@pytest.fixture(scope="module")
def wide_images(tmp_path_factory: pytest.TempPathFactory) -> CountedImageSet:
    """Larger than a tile of a style's reading, and not square."""
    return write_set(tmp_path_factory.mktemp("wide"), 2, (140, 200))


def learn(
    out: Path, images: CountedImageSet, diffusion: StableDiffusionBackbone, **changes: object
) -> LearntTokens:
    """Learn the tokens of all images; the run stands in a folder `all`."""
    changed = SETTINGS.changed(**changes)
    (learnt,) = learn_checked_classes(
        out, {"": images}, images.hashes(), diffusion, "hash", changed, device="cpu"
    )
    return learnt


def test_a_direct_token_needs_no_clip_and_begins_with_a_word(
    settings: StableDiffusionSettings, images: CountedImageSet, tmp_path: Path
) -> None:
    diffusion = load_stable_diffusion(settings.changed(clip=""))
    learnt = learn(tmp_path, images, diffusion, initial_word="cell", learning_rate=1e-3)
    assert learnt.tokens.shape == (2, 1, WIDTH)
    assert learnt.facts.clip_input == ""
    word = diffusion.initial_tokens("cell", 0)[0]
    moved = (learnt.tokens[0] - word).abs()
    assert 0 < moved.max() < 2.5e-3
    assert not (tmp_path / "all" / "encoder.safetensors").exists()


@pytest.mark.parametrize(("mode", "clip_input"), MODES)
def test_an_encoder_is_learnt_and_kept_with_how_clip_saw_the_images(
    diffusion: StableDiffusionBackbone,
    images: CountedImageSet,
    tmp_path: Path,
    mode: str,
    clip_input: str,
) -> None:
    learnt = learn(tmp_path, images, diffusion, token_mode=mode, clip_input=clip_input)
    assert learnt.tokens.shape == (2, 1, WIDTH)
    assert (learnt.facts.token_mode, learnt.facts.clip_input) == (mode, clip_input)
    same = torch.equal(*learnt.tokens)
    assert same == (mode == "encoder_mean")
    encoder, facts = load_style_encoder(tmp_path / "all" / "encoder.safetensors")
    assert (facts.token_mode, facts.clip_input, facts.placeholder) == (mode, clip_input, "*")
    give_encoder(diffusion, encoder, facts)
    assert diffusion.reading() == Reading(mode, clip_input)
    inputs = json.loads((tmp_path / "all" / "inputs.json").read_text())
    assert list(inputs) == [
        "backbone stable-diffusion",
        "clip",
        "clip_fit",
        *(f"image {name}" for name in images.hashes()),
    ]


@pytest.mark.parametrize("fit", ["crop", "squash"])
@pytest.mark.parametrize(("mode", "clip_input"), MODES)
def test_a_style_is_read_as_its_encoder_was_learnt(
    settings: StableDiffusionSettings,
    wide_images: CountedImageSet,
    tmp_path: Path,
    mode: str,
    clip_input: str,
    fit: str,
) -> None:
    """The tokens that the encoder reads off its own images are those that were learnt."""
    cropping = load_stable_diffusion(settings.changed(clip_fit="crop"))
    learnt = learn(
        tmp_path / "run", wide_images, cropping, token_mode=mode, clip_input=clip_input, fit=fit
    )
    encoder = str(tmp_path / "run" / "all" / "encoder.safetensors")
    reader = load_stable_diffusion(settings.changed(encoder=encoder))
    style = learn_style(tmp_path / "read.safetensors", wide_images, reader, "hash")
    torch.testing.assert_close(style.tokens, learnt.tokens, atol=1e-5, rtol=1e-4)
    facts = style.facts
    assert (facts.token_mode, facts.clip_input, facts.steps) == (mode, clip_input, 0)


@pytest.mark.parametrize(
    ("changes", "wrong"), [({"token_mode": "patch"}, "`clip`"), ({"initial_word": "xyz"}, "'xyz'")]
)
def test_what_the_backbone_cannot_learn_leaves_no_folder(
    settings: StableDiffusionSettings,
    images: CountedImageSet,
    tmp_path: Path,
    changes: dict[str, str],
    wrong: str,
) -> None:
    blind, run = load_stable_diffusion(settings.changed(clip="")), tmp_path / "run"
    with pytest.raises(SettingsError, match=wrong):
        learn(run, images, blind, **changes)
    assert not run.exists()
    assert learn(run, images, blind, steps=1).tokens.shape == (2, 1, WIDTH)


def test_an_encoder_is_not_learnt_further_with_another_view(
    settings: StableDiffusionSettings, images: CountedImageSet, tmp_path: Path
) -> None:
    learn(tmp_path, images, load_stable_diffusion(settings), token_mode="encoder", steps=1)
    other = load_stable_diffusion(settings.changed(clip_fit="crop"))
    with pytest.raises(OutputError) as caught:
        learn(tmp_path, images, other, token_mode="encoder", steps=1)
    assert caught.value.found == "changed: clip_fit"


def test_mixed_precision_learns_the_token_and_nothing_else(
    diffusion: StableDiffusionBackbone, images: CountedImageSet, tmp_path: Path
) -> None:
    frozen = {name: tensor.clone() for name, tensor in diffusion.state_dict().items()}
    begun = diffusion.initial_tokens("", 0)[0]
    learnt = learn(tmp_path, images, diffusion, precision="bf16-mixed", steps=1)
    assert learnt.tokens.dtype == torch.float32
    assert not torch.equal(learnt.tokens[0], begun)
    for name, tensor in diffusion.state_dict().items():
        assert torch.equal(tensor, frozen[name]), name


def test_latents_are_sampled_from_the_posterior(
    diffusion: StableDiffusionBackbone, images: CountedImageSet
) -> None:
    examples = read_examples(images, diffusion, SETTINGS, torch.device("cpu")).examples
    assert all((example.spread > 0).all() for example in examples)
