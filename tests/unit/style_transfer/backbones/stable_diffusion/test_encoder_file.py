import dataclasses
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from adaptoscope.errors import InputError, SettingsError
from adaptoscope.style_transfer.backbones.stable_diffusion.backbone import StableDiffusionBackbone
from adaptoscope.style_transfer.backbones.stable_diffusion.encoder_file import (
    give_encoder,
    load_style_encoder,
    save_style_encoder,
)
from adaptoscope.style_transfer.backbones.stable_diffusion.style_encoder import (
    EncoderFacts,
    StyleEncoder,
)
from tests.unit.style_transfer.backbones.stable_diffusion.conftest import WIDTH, fields

FACTS = EncoderFacts("patch", "legacy_uint8", "crop", "*", "made for a test")


@pytest.fixture
def encoder() -> StyleEncoder:
    torch.manual_seed(0)
    return StyleEncoder(WIDTH)


def test_an_encoder_comes_back_as_it_was_and_frozen(tmp_path: Path, encoder: StyleEncoder) -> None:
    save_style_encoder(tmp_path / "sub" / "encoder.safetensors", encoder, FACTS)
    again, facts = load_style_encoder(tmp_path / "sub" / "encoder.safetensors")
    assert facts == FACTS
    assert not again.training
    assert not any(parameter.requires_grad for parameter in again.parameters())
    for name, tensor in encoder.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor)


def test_a_backbone_feeds_the_encoder_as_it_was_learnt(
    diffusion: StableDiffusionBackbone, encoder: StyleEncoder
) -> None:
    give_encoder(diffusion, encoder.eval(), FACTS)
    field = fields(1)[:, :, :40]
    with torch.no_grad():
        views = diffusion.clip_views(
            field, patches=True, clip_input="legacy_uint8", clip_fit="crop"
        )
        torch.testing.assert_close(diffusion.embed_style(field), encoder(views))


def test_images_of_a_mean_encoder_share_one_token(
    diffusion: StableDiffusionBackbone, encoder: StyleEncoder
) -> None:
    facts = EncoderFacts("encoder_mean", "correct", "squash", "*", "made for a test")
    give_encoder(diffusion, encoder.eval(), facts)
    with torch.no_grad():
        tokens = diffusion.embed_style(fields(3))
        views = diffusion.clip_views(fields(3), patches=False).mean(0, keepdim=True)
        torch.testing.assert_close(tokens, encoder(views).expand(3, -1, -1))


def test_an_encoder_of_another_width_is_refused(diffusion: StableDiffusionBackbone) -> None:
    with pytest.raises(SettingsError, match=f"length {WIDTH}"):
        give_encoder(diffusion, StyleEncoder(24), FACTS)


def test_an_encoder_of_another_placeholder_is_refused(
    diffusion: StableDiffusionBackbone, encoder: StyleEncoder
) -> None:
    with pytest.raises(SettingsError, match="another placeholder"):
        give_encoder(diffusion, encoder, dataclasses.replace(FACTS, placeholder="cell"))
    assert diffusion.style_encoder is None


def test_an_encoder_that_is_not_finite_is_not_stored(tmp_path: Path, encoder: StyleEncoder) -> None:
    with torch.no_grad():
        encoder.final[1].bias[0] = torch.nan
    with pytest.raises(InputError, match="not finite"):
        save_style_encoder(tmp_path / "sub" / "encoder.safetensors", encoder, FACTS)
    assert not (tmp_path / "sub").exists()


@pytest.mark.parametrize("content", [b"", b"no tensors here", b"\x80\x04K\x01."])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "encoder.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a style encoder"):
        load_style_encoder(path)


def test_other_tensors_and_unknown_modes_are_refused(tmp_path: Path, encoder: StyleEncoder) -> None:
    save_file({"weight": torch.zeros(2)}, tmp_path / "weights.safetensors")
    with pytest.raises(InputError, match="not a style encoder"):
        load_style_encoder(tmp_path / "weights.safetensors")
    for field in ("token_mode", "clip_input", "clip_fit"):
        odd = dataclasses.replace(FACTS, **{field: "odd"})
        save_style_encoder(tmp_path / "odd.safetensors", encoder, odd)
        with pytest.raises(InputError, match="'odd'"):
            load_style_encoder(tmp_path / "odd.safetensors")
