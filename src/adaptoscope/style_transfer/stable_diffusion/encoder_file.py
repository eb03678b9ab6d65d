"""A learnt style encoder on disk: tensors in safetensors, how it is to be fed as metadata."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import get_args

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from adaptoscope.errors import InputError, SettingsError
from adaptoscope.imageio.files import atomic_path
from adaptoscope.imageio.json_values import read_json
from adaptoscope.style_transfer.stable_diffusion.backbone import StableDiffusionBackbone
from adaptoscope.style_transfer.stable_diffusion.settings import ClipFit, ClipInput
from adaptoscope.style_transfer.stable_diffusion.style_encoder import (
    EncoderFacts,
    EncoderMode,
    StyleEncoder,
)
from adaptoscope.style_transfer.style_file import refuse_not_finite

FORMAT = "adaptoscope-style-encoder-2"
_ENTRY = "adaptoscope"
_HEADS = 8


def save_encoder(path: Path, encoder: StyleEncoder, facts: EncoderFacts) -> None:
    """Write an encoder, whole or not at all."""
    tensors = {name: tensor.cpu().contiguous() for name, tensor in encoder.state_dict().items()}
    refuse_not_finite("style encoder", tensors)
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {_ENTRY: json.dumps({"format": FORMAT, **asdict(facts)}, sort_keys=True)}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata=metadata)


def load_encoder(path: Path) -> tuple[StyleEncoder, EncoderFacts]:
    """Read an encoder; it comes back frozen and in eval mode."""
    try:
        with safe_open(path, framework="pt") as stored:
            values = read_json((stored.metadata() or {}).get(_ENTRY, "{}"))
            if values.pop("format", "unknown") != FORMAT:
                raise ValueError("not the format of a style encoder")
            facts = EncoderFacts(**values)
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
        _check_values(facts)
        encoder = encoder_of(tensors)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"{path} is not a style encoder that can be used.",
            expected="a file written by token learning or by the importer of published tokens",
            found=" ".join(str(error).split())[:200] or "no such file",
            remedy="learn the tokens again",
        ) from error
    return encoder, facts


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


def _check_values(facts: EncoderFacts) -> None:
    known = (
        (facts.token_mode, EncoderMode),
        (facts.clip_input, ClipInput),
        (facts.clip_fit, ClipFit),
    )
    for value, kind in known:
        if value not in get_args(kind):
            raise ValueError(f"unknown value {value!r}")
