from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tests.unit.style_transfer.stable_diffusion.conftest import WIDTH, fields

from adaptoscope.errors import InputError, SettingsError
from adaptoscope.style_transfer.stable_diffusion.backbone import StableDiffusionBackbone
from adaptoscope.style_transfer.stable_diffusion.encoder_file import (
    EncoderFacts,
    give_encoder,
    load_encoder,
    save_encoder,
)
from adaptoscope.style_transfer.stable_diffusion.style_encoder import StyleEncoder

FACTS = EncoderFacts("patch", "legacy_uint8", "*", "made for a test")


@pytest.fixture
def encoder() -> StyleEncoder:
    torch.manual_seed(0)
    return StyleEncoder(WIDTH)


def test_an_encoder_comes_back_as_it_was_and_frozen(tmp_path: Path, encoder: StyleEncoder) -> None:
    save_encoder(tmp_path / "sub" / "encoder.safetensors", encoder, FACTS)
    again, facts = load_encoder(tmp_path / "sub" / "encoder.safetensors")
    assert facts == FACTS
    assert not again.training
    assert not any(parameter.requires_grad for parameter in again.parameters())
    for name, tensor in encoder.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor)


def test_a_backbone_feeds_the_encoder_as_it_was_learnt(
    diffusion: StableDiffusionBackbone, encoder: StyleEncoder
) -> None:
    give_encoder(diffusion, encoder.eval(), FACTS)
    with torch.no_grad():
        views = diffusion.clip_views(fields(1), patches=True, clip_input="legacy_uint8")
        torch.testing.assert_close(diffusion.embed_style(fields(1)), encoder(views))


def test_an_encoder_of_another_width_is_refused(diffusion: StableDiffusionBackbone) -> None:
    with pytest.raises(SettingsError, match=f"length {WIDTH}"):
        give_encoder(diffusion, StyleEncoder(24), FACTS)


@pytest.mark.parametrize("content", [b"", b"no tensors here", b"\x80\x04K\x01."])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "encoder.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a style encoder"):
        load_encoder(path)


def test_other_tensors_and_unknown_modes_are_refused(tmp_path: Path, encoder: StyleEncoder) -> None:
    save_file({"weight": torch.zeros(2)}, tmp_path / "weights.safetensors")
    with pytest.raises(InputError, match="not a style encoder"):
        load_encoder(tmp_path / "weights.safetensors")
    odd = EncoderFacts("direct", "correct", "*", "")  # type: ignore[arg-type]
    save_encoder(tmp_path / "odd.safetensors", encoder, odd)
    with pytest.raises(InputError, match="'direct'"):
        load_encoder(tmp_path / "odd.safetensors")
