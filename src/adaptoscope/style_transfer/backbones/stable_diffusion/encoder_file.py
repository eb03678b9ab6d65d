"""A learnt style encoder on disk: tensors in safetensors, how it is to be fed as metadata."""

from dataclasses import asdict
from pathlib import Path
from typing import get_args

import torch

from adaptoscope.errors import InputError, SettingsError
from adaptoscope.style_transfer.backbones.stable_diffusion.backbone import StableDiffusionBackbone
from adaptoscope.style_transfer.backbones.stable_diffusion.settings import ClipFit, ClipInput
from adaptoscope.style_transfer.backbones.stable_diffusion.style_encoder import (
    EncoderFacts,
    EncoderMode,
    StyleEncoder,
)
from adaptoscope.style_transfer.tensor_file import (
    UNREADABLE,
    read_tensors,
    reason_of,
    refuse_not_finite,
    write_tensors,
)

FORMAT = "adaptoscope-style-encoder-2"
# As in the published code; the file does not hold it.
_HEADS = 8


def save_style_encoder(path: Path, encoder: StyleEncoder, facts: EncoderFacts) -> None:
    """Write an encoder, whole or not at all."""
    tensors = encoder.state_dict()
    refuse_not_finite("style encoder", tensors)
    write_tensors(path, tensors, asdict(facts), kind=FORMAT)


def load_style_encoder(path: Path) -> tuple[StyleEncoder, EncoderFacts]:
    """Read an encoder; it comes back frozen and in eval mode."""
    try:
        values, tensors = read_tensors(path, kind=FORMAT)
        facts = EncoderFacts(**values)
        for value, kind in (
            (facts.token_mode, EncoderMode),
            (facts.clip_input, ClipInput),
            (facts.clip_fit, ClipFit),
        ):
            if value not in get_args(kind):
                raise ValueError(f"unknown value {value!r}")
        return encoder_of(tensors), facts
    except (*UNREADABLE, RuntimeError) as error:
        raise InputError(
            f"{path} is not a style encoder that can be used.",
            expected="a file written by token learning or by the importer of published tokens",
            found=reason_of(error),
            remedy="learn the tokens again",
        ) from error


def encoder_of(tensors: dict[str, torch.Tensor]) -> StyleEncoder:
    """Return the frozen encoder that has these weights, of whatever width."""
    inner, width = tensors["first.query.weight"].shape
    encoder = StyleEncoder(width, _HEADS, inner // _HEADS)
    encoder.load_state_dict(tensors)
    return encoder.eval().requires_grad_(False)


def give_encoder(
    backbone: StableDiffusionBackbone, encoder: StyleEncoder, facts: EncoderFacts
) -> None:
    """Let a backbone read styles off images with an encoder, fed as it was when it was learnt."""
    if facts.placeholder != backbone.placeholder:
        raise SettingsError(
            "The style encoder was learnt with another placeholder.",
            expected=f"`placeholder: {facts.placeholder!r}`, and a prompt with this word in it",
            found=repr(backbone.placeholder),
            remedy="change `placeholder` and `prompt`, or learn the encoder again",
        )
    if encoder.width != backbone.prompt.width:
        raise SettingsError(
            "The style encoder does not fit the backbone.",
            expected=f"tokens of length {backbone.prompt.width}",
            found=f"tokens of length {encoder.width}",
            remedy="use the diffusion model that the encoder was learnt with",
        )
    backbone.style_encoder = encoder.to(backbone.device)
    backbone.encoder_facts = facts
