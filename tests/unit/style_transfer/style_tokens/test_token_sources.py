import pytest
import torch

from adaptoscope.errors import SettingsError
from adaptoscope.style_transfer.backbones.compact.network import CompactBackbone
from adaptoscope.style_transfer.backbones.stable_diffusion.style_encoder import (
    EncoderFacts,
    StyleEncoder,
)
from adaptoscope.style_transfer.style_tokens.examples import StyleExample, StyleExamples
from adaptoscope.style_transfer.style_tokens.settings import TokenSettings
from adaptoscope.style_transfer.style_tokens.token_sources import (
    DirectTokens,
    EncodedTokens,
    source_of_tokens,
)

ROWS = torch.tensor([2, 0, 2])


@pytest.fixture
def examples() -> StyleExamples:
    generator = torch.Generator().manual_seed(0)
    latents = torch.zeros(1, 4, 8, 8)
    return StyleExamples(
        [
            StyleExample(torch.rand(1, 1, 64, 64, generator=generator), latents, latents, None)
            for _ in range(3)
        ],
        side=8,
    )


def test_shared_tokens_are_one_for_all_images() -> None:
    tokens = torch.rand(1, 2, 4)
    assert torch.equal(DirectTokens(tokens)(ROWS), tokens.expand(3, -1, -1))


def test_own_tokens_are_picked_by_image() -> None:
    tokens = torch.rand(3, 2, 4)
    assert torch.equal(DirectTokens(tokens)(ROWS), tokens[ROWS])


def test_encoded_tokens_are_picked_by_image_or_shared() -> None:
    encoder = StyleEncoder(8, 2, 4).eval()
    facts = EncoderFacts("patch", "correct", "squash", "*", "")
    views = torch.rand(3, 5, 8)
    own = EncodedTokens(encoder, views, facts)(ROWS)
    torch.testing.assert_close(own, encoder(views)[ROWS])
    shared = EncodedTokens(encoder, views[:1], facts)(ROWS)
    torch.testing.assert_close(shared, encoder(views[:1]).expand(3, -1, -1))


def test_direct_tokens_begin_with_what_the_backbone_reads_off(
    backbone: CompactBackbone, examples: StyleExamples
) -> None:
    with torch.no_grad():
        read = torch.cat([backbone.embed_style(each.pixels) for each in examples.examples])
    shared = source_of_tokens(backbone, examples, TokenSettings(), None)
    torch.testing.assert_close(shared(ROWS)[0], read.mean(0))
    own = source_of_tokens(backbone, examples, TokenSettings(share="image"), None)
    torch.testing.assert_close(own(ROWS), read[ROWS])


def test_given_tokens_come_first(backbone: CompactBackbone, examples: StyleExamples) -> None:
    initial = torch.rand(3, 2, 16)
    own = source_of_tokens(backbone, examples, TokenSettings(share="image"), initial)
    torch.testing.assert_close(own(ROWS), initial[ROWS])


@pytest.mark.parametrize("mode", ["encoder", "encoder_mean", "patch"])
def test_encoder_modes_need_clip(
    backbone: CompactBackbone, examples: StyleExamples, mode: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        source_of_tokens(backbone, examples, TokenSettings(token_mode=mode), None)
    assert mode in caught.value.summary
    assert "direct" in caught.value.remedy


def test_a_word_needs_a_vocabulary(backbone: CompactBackbone, examples: StyleExamples) -> None:
    with pytest.raises(SettingsError, match="knows no words"):
        source_of_tokens(backbone, examples, TokenSettings(initial_word="cell"), None)
