from pathlib import Path

import pytest
import torch
from tests.unit.style_transfer.conftest import write_set

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.errors import LeakageError, OutputError
from adaptoscope.style_transfer.compact.network import CompactBackbone
from adaptoscope.style_transfer.learn_style import learn_style
from adaptoscope.style_transfer.refine_style import learn_refined_style
from adaptoscope.style_transfer.style_file import load_style
from adaptoscope.style_transfer.tokens.settings import DensityRule, TokenSettings

SETTINGS = TokenSettings(steps=2, batch=2)


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
    assert (tmp_path / "refined" / "tokens.safetensors").is_file()


def test_each_density_class_gets_tokens_of_its_own(
    backbone: CompactBackbone, images: CountedImageSet, tmp_path: Path
) -> None:
    rule = DensityRule(source="labels", limits=(3.5, 4.5), per_class=1)
    out = tmp_path / "style.safetensors"
    style = learn_refined_style(out, images, backbone, "hash", SETTINGS, rule=rule, device="cpu")
    assert len(style.facts.images) == 3
    assert not torch.equal(style.tokens[0], style.tokens[1])
    runs = sorted(path.name for path in (tmp_path / "style").iterdir())
    assert runs == ["high", "low", "medium"]


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


def test_a_style_file_is_named_as_one(
    backbone: CompactBackbone, images: CountedImageSet, tmp_path: Path
) -> None:
    with pytest.raises(OutputError, match="style"):
        learn_refined_style(tmp_path / "style", images, backbone, "hash", SETTINGS, device="cpu")
