"""What a style token comes from while it is learnt: numbers of its own, or CLIP's views."""

from typing import Protocol, runtime_checkable

import torch
from torch import nn

from adaptoscope.errors import SettingsError
from adaptoscope.style_transfer.backbones.protocol import Backbone
from adaptoscope.style_transfer.backbones.stable_diffusion.backbone import StableDiffusionBackbone
from adaptoscope.style_transfer.backbones.stable_diffusion.style_encoder import (
    EncoderFacts,
    EncoderMode,
    StyleEncoder,
)
from adaptoscope.style_transfer.preprocessing import refuse_unsupported
from adaptoscope.style_transfer.style_tokens.examples import StyleExamples
from adaptoscope.style_transfer.style_tokens.settings import TokenSettings


@runtime_checkable
class DrawsTokens(Protocol):
    """A backbone that has tokens to begin learning with, without an image."""

    def initial_tokens(self, word: str, seed: int) -> torch.Tensor:
        """Return tokens, shape (1, K, D)."""
        ...


class DirectTokens(nn.Module):
    """Tokens that are learnt as they are.

    They begin at `initial`, shape (1, K, D) for all images, or (R, K, D) with one row for each.
    """

    def __init__(self, initial: torch.Tensor) -> None:
        super().__init__()
        self.tokens = nn.Parameter(initial.detach().clone())

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the tokens of images, shape (B, K, D), for rows of shape (B,)."""
        own = len(self.tokens) > 1
        return self.tokens[rows] if own else self.tokens.expand(len(rows), -1, -1)


class EncodedTokens(nn.Module):
    """Tokens that an encoder makes of what CLIP saw; only the encoder is learnt.

    CLIP's views have shape (1, S, D) for all images, or (R, S, D).
    """

    def __init__(self, encoder: StyleEncoder, views: torch.Tensor, facts: EncoderFacts) -> None:
        super().__init__()
        self.facts = facts
        self.encoder = encoder
        self.register_buffer("views", views, persistent=False)
        self.views: torch.Tensor

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the tokens of images, shape (B, 1, D), for rows of shape (B,)."""
        chosen = rows if len(self.views) > 1 else torch.zeros_like(rows)
        tokens: torch.Tensor = self.encoder(self.views[chosen])
        return tokens


TokenSource = DirectTokens | EncodedTokens


def check_mode(backbone: Backbone, settings: TokenSettings) -> None:
    """Refuse what a backbone cannot learn, before anything is read or written."""
    refuse_unsupported(backbone, settings.shown)
    mode, word = settings.token_mode, settings.initial_word
    if mode != "direct":
        _seeing(backbone, mode).require_clip()
    elif word and not isinstance(backbone, DrawsTokens):
        raise _refusal(f"`initial_word: {word}`", backbone, "no words")
    elif isinstance(backbone, DrawsTokens):
        backbone.initial_tokens(word, settings.seed)


def inputs_of_mode(backbone: Backbone, settings: TokenSettings) -> dict[str, str]:
    """Return what else than images and backbone the tokens depend on: CLIP, where it is used."""
    if settings.token_mode == "direct":
        return {}
    seeing = _seeing(backbone, settings.token_mode)
    return {"clip": seeing.clip_sha256(), "clip_fit": seeing.clip_fit}


def source_of_tokens(
    backbone: Backbone,
    examples: StyleExamples,
    settings: TokenSettings,
    initial: torch.Tensor | None,
) -> TokenSource:
    """Make what is to be learnt.

    ``direct`` begins with `initial`, shape (R, K, D), such as the tokens of a zero-shot style; if
    none, the backbone draws them or reads them off the images.
    """
    check_mode(backbone, settings)
    if settings.token_mode != "direct":
        return _encoded_tokens(backbone, examples, settings, settings.token_mode)
    if isinstance(backbone, DrawsTokens):
        begin = backbone.initial_tokens(settings.initial_word, settings.seed)
    if initial is not None:
        begin = initial
    elif not isinstance(backbone, DrawsTokens):
        with torch.no_grad():
            read = [backbone.embed_style(each.pixels) for each in examples.examples]
        begin = torch.cat(read)
    if settings.share == "class":
        begin = begin.mean(0, keepdim=True)
    elif len(begin) == 1:
        begin = begin.expand(len(examples.examples), -1, -1)
    return DirectTokens(begin.float())


def _encoded_tokens(
    backbone: Backbone, examples: StyleExamples, settings: TokenSettings, mode: EncoderMode
) -> EncodedTokens:
    seeing = _seeing(backbone, mode)
    with torch.no_grad():
        views = torch.cat(
            [
                seeing.clip_views(
                    example.pixels,
                    patches=mode == "patch",
                    clip_input=settings.clip_input,
                    clip_fit=seeing.clip_fit,
                )
                for example in examples.examples
            ]
        )
    if mode == "encoder_mean":
        views = views.mean(0, keepdim=True)
    facts = EncoderFacts(
        token_mode=mode,
        clip_input=settings.clip_input,
        clip_fit=seeing.clip_fit,
        placeholder=seeing.placeholder,
        source=f"learnt from {len(examples.examples)} image(s) in {settings.steps} steps",
    )
    return EncodedTokens(StyleEncoder(views.shape[-1]), views, facts)


def _seeing(backbone: Backbone, mode: EncoderMode) -> StableDiffusionBackbone:
    if not isinstance(backbone, StableDiffusionBackbone):
        raise _refusal(f"`token_mode: {mode}`", backbone, "no CLIP")
    return backbone


def _refusal(wanted: str, backbone: Backbone, lacking: str) -> SettingsError:
    return SettingsError(
        f"The backbone {backbone.name} cannot learn with {wanted}.",
        expected="the Stable Diffusion backbone, with CLIP for all modes but `direct`",
        found=f"a backbone that knows {lacking}",
        remedy="take `token_mode: direct` without a word, or another backbone",
    )
