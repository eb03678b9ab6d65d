import hashlib
from pathlib import Path

import pytest
import torch

from adaptoscope.errors import InputError, MissingWeightsError
from adaptoscope.pretrained.bundled import hash_of_weights, locate_backbone
from adaptoscope.style_transfer.backbones.compact.network import CompactBackbone
from adaptoscope.style_transfer.settings import CompactSettings

LARGEST = 11_000_000


def test_all_parameters_together_are_at_most_eleven_million() -> None:
    backbone = CompactBackbone(CompactSettings())
    assert sum(parameter.numel() for parameter in backbone.parameters()) == 8_961_296 < LARGEST


def test_checkpoint_keys_are_pinned() -> None:
    names = "\n".join(sorted(CompactBackbone(CompactSettings()).state_dict()))
    assert hashlib.sha256(names.encode()).hexdigest()[:16] == "2b64339e7ce36fb0"


def test_shapes_of_latents_tokens_and_noise(backbone: CompactBackbone) -> None:
    pixels = torch.zeros(2, 1, 64, 96)
    latents = backbone.encode(pixels)
    assert latents.shape == (2, 4, 8, 12)
    assert backbone.decode(latents).shape == pixels.shape
    tokens = backbone.embed_style(pixels)
    assert tokens.shape == (2, 2, 16)
    assert backbone.predict_noise(latents, 500, tokens, None).shape == latents.shape


def test_the_unconditional_prediction_uses_the_learnt_token(backbone: CompactBackbone) -> None:
    latents = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    expected = backbone.predict_noise(latents, 10, backbone.no_style, None)
    torch.testing.assert_close(backbone.predict_noise(latents, 10, None, None), expected)


def test_a_saved_backbone_comes_back_frozen_and_within_half_precision(
    backbone: CompactBackbone, tmp_path: Path
) -> None:
    backbone.save(tmp_path)
    again = CompactBackbone.load(tmp_path)
    assert not any(parameter.requires_grad for parameter in again.parameters())
    for name, tensor in backbone.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], tensor)
    assert hash_of_weights(tmp_path) == hash_of_weights(locate_backbone(str(tmp_path)))


def test_style_tokens_ignore_where_things_are(backbone: CompactBackbone) -> None:
    pixels = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(1))
    flipped = backbone.style_encoder(pixels.roll(16, dims=-1))
    torch.testing.assert_close(flipped, backbone.style_encoder(pixels), atol=0.05, rtol=0.1)


def test_missing_weights_name_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(MissingWeightsError) as caught:
        locate_backbone(str(tmp_path))
    assert "train-backbone" in caught.value.remedy


def test_damaged_weights_are_refused(backbone_folder: Path, tmp_path: Path) -> None:
    for file in backbone_folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes()[:200])
    (tmp_path / "backbone.json").write_bytes((backbone_folder / "backbone.json").read_bytes())
    with pytest.raises(InputError, match="cannot be read"):
        CompactBackbone.load(tmp_path)


@pytest.mark.parametrize("spoilt", ["denoiser.safetensors", "backbone.json"])
def test_parts_that_do_not_fit_are_refused(
    backbone_folder: Path, tmp_path: Path, spoilt: str
) -> None:
    for file in backbone_folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    other = "style_encoder.safetensors" if spoilt.endswith("tensors") else "denoiser.safetensors"
    (tmp_path / spoilt).write_bytes((backbone_folder / other).read_bytes())
    with pytest.raises(InputError, match="damaged"):
        CompactBackbone.load(tmp_path)
