"""From CLIP's view of an image to one style token: paper 1, eq. (1) and (2), as coded."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from adaptoscope.style_transfer.backbones.stable_diffusion.settings import ClipFit, ClipInput

EncoderMode = Literal["encoder", "encoder_mean", "patch"]

# Width of CLIP ViT-L/14; the rest as in the published code of paper 1.
WIDTH = 768
_HEADS, _HEAD_WIDTH = 8, 64
_DROPOUT = 0.05


@dataclass(frozen=True)
class EncoderFacts:
    """How a style encoder was learnt, and thus how it must be fed: with CLIP's view of the field.

    `token_mode` says what it was shown: the pooled vector, the mean of those of all images, or the
    patches too. Its token replaces the word `placeholder`; `source` is in words.
    """

    token_mode: EncoderMode
    clip_input: ClipInput
    clip_fit: ClipFit
    placeholder: str
    source: str


class AttentionBlock(nn.Module):
    """Attention with biasless projections and a biased output, without norm or residual."""

    def __init__(self, width: int, heads: int, head_width: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        inner = heads * head_width
        self.query = nn.Linear(width, inner, bias=False)
        self.key = nn.Linear(width, inner, bias=False)
        self.value = nn.Linear(width, inner, bias=False)
        self.output = nn.Linear(inner, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, queries: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """Return one vector per query (B, Q, width), gathered from what is seen (B, S, width)."""
        query, key, value = (
            layer(vectors).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer, vectors in ((self.query, queries), (self.key, seen), (self.value, seen))
        )
        # Written out: fused kernels return rounding errors where the gradient is exactly zero.
        weights = (query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5).softmax(dim=-1)
        gathered = (weights @ value).transpose(1, 2).flatten(2)
        mixed: torch.Tensor = self.dropout(self.output(gathered))
        return mixed


class StyleEncoder(nn.Module):
    """Two attention blocks and a linear map: CLIP's view of an image becomes a token.

    Shown only CLIP's pooled vector, as in the published code, each softmax runs over one key and
    is 1: the first block and all queries and keys never reach the result, and the encoder is an
    affine map of rank at most 512. Shown the tower's patches too, attention is real. The paper's
    text also speaks of layer norms; its code has none, and neither has this. The width, that of
    CLIP's vectors and of the token, is 768 for ViT-L/14 (3,737,856 parameters).
    """

    def __init__(
        self, width: int = WIDTH, heads: int = _HEADS, head_width: int = _HEAD_WIDTH
    ) -> None:
        super().__init__()
        self.width = width
        self.first = AttentionBlock(width, heads, head_width, _DROPOUT)
        self.second = AttentionBlock(width, heads, head_width, _DROPOUT)
        self.final = nn.Sequential(nn.Dropout(_DROPOUT), nn.Linear(width, width))

    def forward(self, views: torch.Tensor) -> torch.Tensor:
        """Return tokens (B, 1, width) of views (B, S, width): the pooled vector, then patches."""
        question = self.first(views[:, :1], views)
        token: torch.Tensor = self.final(self.second(question, views))
        return token
