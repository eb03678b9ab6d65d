import dataclasses
import json
from pathlib import Path

import pytest
import torch

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.errors import InputError, OutputError, SettingsError
from adaptoscope.style_transfer.backbones.compact.network import CompactBackbone
from adaptoscope.style_transfer.learn_style import learn_style
from adaptoscope.style_transfer.style_file import Style
from adaptoscope.style_transfer.style_tokens.density_groups import group_by_density
from adaptoscope.style_transfer.style_tokens.learn_tokens import (
    learn_checked_classes,
    precision_on,
)
from adaptoscope.style_transfer.style_tokens.settings import DensityRule, TokenSettings
from adaptoscope.style_transfer.style_tokens.token_file import LearntTokens, refined_style
from adaptoscope.style_transfer.style_tokens.token_step import TokenStep
from tests.unit.style_transfer.conftest import write_set

# Enough steps for two checkpoints and a preview between them.
SETTINGS = TokenSettings(steps=4, batch=2, save_every=2, preview_every=3)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> CountedImageSet:
    return write_set(tmp_path_factory.mktemp("real"), 3)


@pytest.fixture(scope="module")
def whole(
    tmp_path_factory: pytest.TempPathFactory, images: CountedImageSet, backbone: CompactBackbone
) -> tuple[Path, LearntTokens]:
    """A finished run and what it returned."""
    out = tmp_path_factory.mktemp("whole")
    return out / "low", learn(out, images, backbone, name="low")


def learn(
    out: Path,
    images: CountedImageSet,
    backbone: CompactBackbone,
    settings: TokenSettings = SETTINGS,
    *,
    name: str = "",
    start: Style | None = None,
) -> LearntTokens:
    """Learn the tokens of one class; its run stands in a folder of its name, or in `all`."""
    (learnt,) = learn_checked_classes(
        out,
        {name: images},
        images.hashes(),
        backbone,
        "hash",
        settings,
        start=start,
        device="cpu",
    )
    return learnt


def test_tokens_are_learnt_for_every_image(
    whole: tuple[Path, LearntTokens], images: CountedImageSet
) -> None:
    run, learnt = whole
    assert learnt.tokens.shape == (3, 2, 16)
    assert torch.equal(learnt.tokens[0], learnt.tokens[2])
    facts = learnt.facts
    assert (facts.backbone, facts.backbone_sha256) == ("compact", "hash")
    assert (facts.token_mode, facts.clip_input, facts.steps) == ("direct", "", 4)
    assert facts.density_class == "low"
    assert facts.images == tuple(images.hashes().values())
    rows = (run / "metrics.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["step", "1", "3"]
    assert [path.name for path in (run / "previews").iterdir()] == ["step_000003.png"]


def test_refining_begins_with_the_zero_shot_tokens(
    backbone: CompactBackbone, images: CountedImageSet, tmp_path: Path
) -> None:
    frozen = {name: tensor.clone() for name, tensor in backbone.state_dict().items()}
    zero = learn_style(tmp_path / "zero.safetensors", images, backbone, "hash")
    still = SETTINGS.changed(learning_rate=1e-9, share="image")
    learnt = learn(tmp_path / "still", images, backbone, still, start=zero)
    torch.testing.assert_close(learnt.tokens, zero.tokens)
    moved = learn(tmp_path / "moved", images, backbone, start=zero)
    shared = zero.tokens.mean(0)
    assert not torch.isclose(moved.tokens[0], shared, atol=1e-4).all()
    torch.testing.assert_close(moved.tokens[0], shared, atol=4 * 6e-4, rtol=0)
    refined = refined_style(zero, [moved])
    assert torch.equal(refined.tokens, moved.tokens)
    assert refined.facts.token_mode == "direct"
    for name, tensor in backbone.state_dict().items():
        assert torch.equal(tensor, frozen[name]), name


def test_a_resumed_run_ends_with_the_same_tokens(
    backbone: CompactBackbone,
    images: CountedImageSet,
    whole: tuple[Path, LearntTokens],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    step = TokenStep.__call__

    def stops(self: TokenStep, index: int) -> object:
        if index == 3:
            raise KeyboardInterrupt
        return step(self, index)

    with monkeypatch.context() as patch:
        patch.setattr(TokenStep, "__call__", stops)
        with pytest.raises(KeyboardInterrupt):
            learn(tmp_path, images, backbone, name="low")
    assert not (tmp_path / "low" / "tokens.safetensors").exists()
    learn(tmp_path, images, backbone, name="low")
    for name in ("tokens.safetensors", "metrics.csv", "settings.yaml"):
        assert (tmp_path / "low" / name).read_bytes() == (whole[0] / name).read_bytes()


def test_a_finished_run_is_not_run_again(
    backbone: CompactBackbone,
    images: CountedImageSet,
    whole: tuple[Path, LearntTokens],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run, learnt = whole
    monkeypatch.delattr(TokenStep, "__call__")
    assert torch.equal(learn(run.parent, images, backbone, name="low").tokens, learnt.tokens)
    with pytest.raises(OutputError):
        learn(run.parent, images, backbone, SETTINGS.changed(seed=1), name="low")


def test_a_style_of_other_images_is_no_beginning(
    backbone: CompactBackbone, images: CountedImageSet, tmp_path: Path
) -> None:
    other = write_set(tmp_path / "other", 2, seed=5)
    zero = learn_style(tmp_path / "zero.safetensors", other, backbone, "hash")
    with pytest.raises(InputError, match="not read off these images"):
        learn(tmp_path / "run", images, backbone, start=zero)
    own = learn_style(tmp_path / "own.safetensors", images, backbone, "hash")
    wide = dataclasses.replace(own, tokens=torch.rand(3, 2, 17))
    with pytest.raises(InputError, match="another shape"):
        learn(tmp_path / "run", images, backbone, start=wide)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("changes", [{"token_mode": "encoder"}, {"initial_word": "cell"}])
def test_what_the_backbone_cannot_learn_leaves_no_folder(
    backbone: CompactBackbone, images: CountedImageSet, tmp_path: Path, changes: dict[str, str]
) -> None:
    run, short = tmp_path / "run", SETTINGS.changed(steps=1)
    with pytest.raises(SettingsError):
        learn(run, images, backbone, short.changed(**changes))
    assert not run.exists()
    assert learn(run, images, backbone, short).facts.token_mode == "direct"


def test_unusable_images_leave_no_folder(
    backbone: CompactBackbone, images: CountedImageSet, tmp_path: Path
) -> None:
    run, short = tmp_path / "run", SETTINGS.changed(steps=1)
    small = write_set(tmp_path / "small", 1, (24, 40))
    with pytest.raises(InputError, match="too small"):
        learn(run, small, backbone, short)
    assert not run.exists()
    assert len(learn(run, images, backbone, short).tokens) == 3


def test_tokens_that_are_not_finite_are_never_stored(
    backbone: CompactBackbone, images: CountedImageSet, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="not finite"):
        learn(
            tmp_path / "run",
            images,
            backbone,
            SETTINGS.changed(learning_rate=1e37, preview_every=0),
        )
    assert not (tmp_path / "run" / "all" / "tokens.safetensors").exists()


def test_a_run_names_its_inputs(whole: tuple[Path, LearntTokens], images: CountedImageSet) -> None:
    inputs = json.loads((whole[0] / "inputs.json").read_text())
    named = {f"image {name}": sha256 for name, sha256 in images.hashes().items()}
    assert inputs == {"backbone compact": "hash", **named}


def test_every_density_class_gets_its_tokens(
    backbone: CompactBackbone, images: CountedImageSet, tmp_path: Path
) -> None:
    rule = DensityRule(source="labels", limits=(3.5, 4.5))
    learnt = learn_checked_classes(
        tmp_path / "runs",
        group_by_density(images, rule),
        images.hashes(),
        backbone,
        "hash",
        SETTINGS.changed(steps=1),
        device="cpu",
    )
    assert [each.facts.density_class for each in learnt] == ["low", "medium", "high"]
    assert [len(each.facts.images) for each in learnt] == [1, 1, 1]
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["high", "low", "medium"]
    zero = learn_style(tmp_path / "zero.safetensors", images, backbone, "hash")
    assert refined_style(zero, learnt).tokens.shape == zero.tokens.shape


@pytest.mark.parametrize(
    ("gpu", "bf16", "device", "expected"),
    [
        (True, True, "auto", "bf16-mixed"),
        (True, True, "cpu", "32-true"),
        (True, False, "cuda", "32-true"),
        (False, False, "auto", "32-true"),
    ],
)
def test_bfloat16_is_taken_where_the_device_has_it(
    monkeypatch: pytest.MonkeyPatch, gpu: bool, bf16: bool, device: str, expected: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: bf16)
    assert precision_on(device, SETTINGS) == expected
    asked = SETTINGS.changed(precision="bf16-mixed")
    assert precision_on(device, asked) == "bf16-mixed"
