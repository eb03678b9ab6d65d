"""The whole of stage 2 on Stable Diffusion: learn a token, stylise drawings with it."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from tests.unit.style_transfer.conftest import write_set

from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.errors import MissingWeightsError, SettingsError
from adaptoscope.style_transfer.compact.network import CompactBackbone
from adaptoscope.style_transfer.learn_style import learn_style
from adaptoscope.style_transfer.open_backbone import hash_of_backbone, open_backbone
from adaptoscope.style_transfer.refine_style import learn_refined_style
from adaptoscope.style_transfer.settings import StylisationSettings
from adaptoscope.style_transfer.stable_diffusion.backbone import StableDiffusionBackbone
from adaptoscope.style_transfer.stable_diffusion.settings import StableDiffusionSettings
from adaptoscope.style_transfer.stylise_set import StylisationJob, stylise_set
from adaptoscope.style_transfer.tokens.settings import TokenSettings


@pytest.fixture
def named(settings: StableDiffusionSettings, tmp_path: Path) -> str:
    """The settings as a file, which is how a user names the backbone."""
    path = tmp_path / "stable_diffusion.yaml"
    path.write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    return str(path)


def test_drawings_take_on_a_style_whose_token_was_learnt(named: str, tmp_path: Path) -> None:
    backbone = open_backbone(named)
    assert isinstance(backbone, StableDiffusionBackbone)
    real = write_set(tmp_path / "real", 2)
    drawings = write_set(tmp_path / "drawings", 3, (72, 80), seed=1)
    style = tmp_path / "style.safetensors"
    tokens = TokenSettings(steps=2, batch=1, side=64)
    learn_refined_style(style, real, backbone, hash_of_backbone(named), tokens, device="cpu")
    job = StylisationJob(
        tmp_path / "out",
        drawings.folder,
        style,
        named,
        StylisationSettings(steps=4, guidance=5.0, batch=2),
    )
    made = stylise_set(job)
    assert len(made) == 3
    for record, drawing in zip(made, drawings, strict=True):
        pixels = made.read(record).pixels
        assert pixels.shape == (72, 80)
        assert np.isfinite(pixels).all()
        np.testing.assert_allclose(made.points(record), drawings.points(drawing))
    assert {record.backbone for record in open_counted_images(job.out)} == {"stable-diffusion"}


def test_a_learnt_encoder_reads_a_style_without_training(
    named: str, settings: StableDiffusionSettings, tmp_path: Path
) -> None:
    real = write_set(tmp_path / "real", 2)
    tokens = TokenSettings(token_mode="encoder", steps=1, batch=1, side=64)
    backbone, weights = open_backbone(named), hash_of_backbone(named)
    learnt = learn_refined_style(
        tmp_path / "style.safetensors", real, backbone, weights, tokens, device="cpu"
    )
    assert learnt.facts.clip_input == "correct"
    again = tmp_path / "again.yaml"
    encoder = tmp_path / "style" / "all" / "encoder.safetensors"
    changed = settings.changed(encoder=str(encoder))
    again.write_text(yaml.safe_dump(changed.model_dump(mode="json")))
    read = learn_style(
        tmp_path / "read.safetensors", real, open_backbone(str(again)), hash_of_backbone(str(again))
    )
    assert (read.facts.token_mode, read.facts.clip_input) == ("encoder", "correct")
    assert read.facts.steps == 0
    torch.testing.assert_close(read.tokens, learnt.tokens, atol=1e-5, rtol=1e-4)


def test_other_names_open_the_compact_backbone(backbone_folder: Path) -> None:
    assert isinstance(open_backbone(str(backbone_folder)), CompactBackbone)
    assert len(hash_of_backbone(str(backbone_folder))) == 64


def test_what_cannot_be_opened_is_said(tmp_path: Path) -> None:
    with pytest.raises(MissingWeightsError):
        open_backbone(str(tmp_path))
    with pytest.raises(MissingWeightsError):
        hash_of_backbone(str(tmp_path))
    unknown = tmp_path / "sd.yaml"
    unknown.write_text("modle: x\n")
    with pytest.raises(SettingsError):
        open_backbone(str(unknown))
