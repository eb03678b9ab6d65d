import dataclasses
from pathlib import Path

import pytest
import torch

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.errors import InputError, LeakageError, OutputError, SettingsError
from adaptoscope.style_transfer.backbones.compact.network import CompactBackbone
from adaptoscope.style_transfer.learn_style import learn_style
from adaptoscope.style_transfer.refine_style import learn_refined_style
from adaptoscope.style_transfer.style_file import Style, load_style
from adaptoscope.style_transfer.style_tokens.settings import DensityRule, TokenSettings
from adaptoscope.style_transfer.style_tokens.token_step import TokenStep
from tests.unit.style_transfer.conftest import write_set

SETTINGS = TokenSettings(steps=2, batch=2)
SHORT = TokenSettings(steps=1, batch=1)
RULE = DensityRule(source="labels", limits=(3.5, 4.5), per_class=1)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> CountedImageSet:
    return write_set(tmp_path_factory.mktemp("real"), 4, splits="train train train test")


def test_a_refined_style_has_new_tokens_and_all_else_as_read(
    backbone: CompactBackbone, images: CountedImageSet, tmp_path: Path
) -> None:
    zero = learn_style(tmp_path / "zero.safetensors", images.split("train"), backbone, "hash")
    out = tmp_path / "refined.safetensors"
    refined = learn_refined_style(out, images, backbone, "hash", SETTINGS, device="cpu")
    assert refined.tokens.shape == zero.tokens.shape
    assert not torch.equal(refined.tokens, zero.tokens)
    assert torch.equal(refined.latent_mean, zero.latent_mean)
    assert torch.equal(refined.cell_sd, zero.cell_sd)
    stored = load_style(out)
    assert torch.equal(stored.tokens, refined.tokens)
    assert (stored.facts.token_mode, stored.facts.steps) == ("direct", 2)
    assert stored.facts.images == zero.facts.images
    assert (tmp_path / "refined" / "all" / "tokens.safetensors").is_file()


def test_each_density_class_gets_tokens_of_its_own(
    backbone: CompactBackbone, images: CountedImageSet, tmp_path: Path
) -> None:
    out = tmp_path / "style.safetensors"
    style = learn_refined_style(out, images, backbone, "hash", SETTINGS, rule=RULE, device="cpu")
    assert len(style.facts.images) == 3
    assert not torch.equal(style.tokens[0], style.tokens[1])
    runs = sorted(path.name for path in (tmp_path / "style").iterdir())
    assert runs == ["high", "low", "medium"]
    assert sorted(image.density_class for image in style.facts.images) == runs
    assert load_style(out).facts == style.facts


def test_a_limit_draws_some_of_the_images(
    backbone: CompactBackbone, images: CountedImageSet, tmp_path: Path
) -> None:
    out = tmp_path / "style.safetensors"
    style = learn_refined_style(out, images, backbone, "hash", SETTINGS, limit=2, device="cpu")
    assert len(style.facts.images) == 2
    assert "field_03" not in {Path(image.name).stem for image in style.facts.images}


def test_images_kept_back_elsewhere_are_refused(
    backbone: CompactBackbone, images: CountedImageSet, tmp_path: Path
) -> None:
    others = write_set(tmp_path / "others", 4, splits="test val test test")
    out = tmp_path / "style.safetensors"
    with pytest.raises(LeakageError):
        learn_refined_style(
            out, images, backbone, "hash", SETTINGS, held_out=[others], device="cpu"
        )
    assert not out.exists()
    assert not out.with_suffix("").exists()


def test_an_image_kept_back_is_known_by_its_pixels(
    backbone: CompactBackbone, images: CountedImageSet, tmp_path: Path
) -> None:
    alone = images.with_records(
        dataclasses.replace(record, split=None) for record in images.images_of("test")
    )
    out = tmp_path / "style.safetensors"
    with pytest.raises(LeakageError, match="learn a style"):
        learn_refined_style(out, alone, backbone, "hash", SHORT, held_out=[images], device="cpu")
    assert not out.with_suffix("").exists()


def test_a_set_without_training_images_leaves_no_folder(
    backbone: CompactBackbone, tmp_path: Path
) -> None:
    kept_back = write_set(tmp_path / "split", 1, splits="val")
    out = tmp_path / "style.safetensors"
    with pytest.raises(InputError, match="split"):
        learn_refined_style(out, kept_back, backbone, "hash", SHORT, device="cpu")
    assert not out.with_suffix("").exists()


def test_a_style_file_is_named_as_one(
    backbone: CompactBackbone, images: CountedImageSet, tmp_path: Path
) -> None:
    with pytest.raises(OutputError, match="style"):
        learn_refined_style(tmp_path / "style", images, backbone, "hash", SETTINGS, device="cpu")


def test_what_the_backbone_cannot_learn_is_refused_before_anything_is_read(
    backbone: CompactBackbone,
    images: CountedImageSet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(CountedImageSet, "read", None)
    out, wrong = tmp_path / "style.safetensors", SETTINGS.changed(token_mode="patch")
    with pytest.raises(SettingsError, match="patch"):
        learn_refined_style(out, images, backbone, "hash", wrong, device="cpu")
    with pytest.raises(SettingsError, match="per_class"):
        learn_refined_style(out, images, backbone, "hash", SETTINGS, rule=RULE, limit=1)
    assert not out.with_suffix("").exists()


def test_runs_with_and_without_classes_do_not_block_each_other(
    backbone: CompactBackbone, images: CountedImageSet, tmp_path: Path
) -> None:
    out, runs = tmp_path / "style.safetensors", tmp_path / "style"

    def learn(settings: TokenSettings, **options: object) -> Style:
        return learn_refined_style(out, images, backbone, "hash", settings, device="cpu", **options)

    classless = learn(SHORT)
    assert classless.facts.density_class == ""
    with pytest.raises(OutputError, match="density class"):
        learn(SHORT, rule=RULE)
    out.unlink()
    assert learn(SHORT, rule=RULE).facts.density_class == "low, medium, high"
    out.unlink()
    assert torch.equal(learn(SHORT).tokens, classless.tokens)
    names = sorted(path.name for path in runs.iterdir())
    assert names == ["all", "high", "low", "medium"]


def test_overwriting_removes_runs_of_other_classes_and_nothing_else(
    backbone: CompactBackbone, images: CountedImageSet, tmp_path: Path
) -> None:
    out, runs = tmp_path / "style.safetensors", tmp_path / "style"
    arguments = (out, images, backbone, "hash")
    learn_refined_style(*arguments, SHORT, rule=RULE, device="cpu")
    (runs / "high" / "notes.txt").write_text("mine")
    other = runs / "mine" / "settings.yaml"
    other.parent.mkdir()
    other.write_text("steps: 1\n")
    (runs / "medium" / "settings.yaml").write_text("something: else\n")
    changed = SHORT.changed(seed=1)
    with pytest.raises(OutputError):
        learn_refined_style(*arguments, changed, device="cpu")
    style = learn_refined_style(*arguments, changed, device="cpu", overwrite=True)
    assert style.facts.seed == 1
    assert sorted(path.name for path in runs.iterdir()) == ["all", "high", "medium", "mine"]
    assert [path.name for path in (runs / "high").iterdir()] == ["notes.txt"]
    assert (runs / "medium" / "tokens.safetensors").exists()
    assert other.exists()


def test_another_style_is_refused_before_tokens_are_trained(
    backbone: CompactBackbone,
    images: CountedImageSet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "style.safetensors"
    learn_style(out, images.split("train"), backbone, "hash")
    monkeypatch.delattr(TokenStep, "__call__")
    with pytest.raises(OutputError, match="token mode"):
        learn_refined_style(out, images, backbone, "hash", SHORT, device="cpu")
    assert not out.with_suffix("").exists()


def test_held_out_sets_are_read_once_for_all_classes(
    backbone: CompactBackbone,
    images: CountedImageSet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    others = write_set(tmp_path / "others", 1, splits="test", seed=7)
    read, seen = CountedImageSet.read, []
    monkeypatch.setattr(
        CountedImageSet, "read", lambda s, record: seen.append(s.folder) or read(s, record)
    )
    out = tmp_path / "style.safetensors"
    learn_refined_style(
        out, images, backbone, "hash", SHORT, rule=RULE, held_out=[others], device="cpu"
    )
    assert seen.count(others.folder) == 1
    # The check reads each of the 3 once, and the 1 that is held out; style and tokens each of 3.
    assert seen.count(images.folder) == 4 + 3 + 3
