"""Learnt style tokens: on disk, and put into a style."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from adaptoscope.errors import InputError
from adaptoscope.imageio.files import atomic_path
from adaptoscope.imageio.json_values import read_json
from adaptoscope.style_transfer.style_file import Style, refuse_not_finite

FORMAT = "adaptoscope-tokens-1"
_ENTRY = "adaptoscope"


@dataclass(frozen=True)
class TokenFacts:
    """How tokens were learnt.

    Parameters
    ----------
    backbone, backbone_sha256
        Name of the diffusion model and hash of its weights.
    token_mode
        As in `TokenSettings`.
    clip_input
        How CLIP saw the images; empty where it saw none.
    density_class
        Class of cell density the tokens stand for, empty for all.
    images
        Hash of each style image's pixels, in the order of the rows.
    """

    backbone: str
    backbone_sha256: str
    token_mode: str
    clip_input: str
    density_class: str
    steps: int
    seed: int
    images: tuple[str, ...]


@dataclass(frozen=True)
class LearntTokens:
    """Tokens of style images, shape (R, K, D), and how they were learnt."""

    facts: TokenFacts
    tokens: torch.Tensor


def save_tokens(path: Path, learnt: LearntTokens) -> None:
    """Write tokens, whole or not at all."""
    refuse_not_finite("token file", {"tokens": learnt.tokens})
    path.parent.mkdir(parents=True, exist_ok=True)
    facts = {"format": FORMAT, **asdict(learnt.facts)}
    metadata = {_ENTRY: json.dumps(facts, sort_keys=True)}
    with atomic_path(path) as temporary:
        save_file({"tokens": learnt.tokens.contiguous()}, temporary, metadata=metadata)


def load_tokens(path: Path) -> LearntTokens:
    """Read tokens."""
    try:
        with safe_open(path, framework="pt") as stored:
            facts = read_json((stored.metadata() or {}).get(_ENTRY, "{}"))
            if facts.pop("format", "unknown") != FORMAT:
                raise ValueError("not the format of learnt tokens")
            known = TokenFacts(**(facts | {"images": tuple(facts["images"])}))
            return LearntTokens(known, stored.get_tensor("tokens"))
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} holds no style tokens that can be used.",
            expected="a file written by token learning",
            found=" ".join(str(error).split()) or "no such file",
            remedy="learn the tokens again",
        ) from error


def refined_style(style: Style, learnt: Sequence[LearntTokens]) -> Style:
    """Put learnt tokens in the place of a style's own.

    Parameters
    ----------
    style
        Read off the same images, with the same backbone; gives everything but the tokens.
    learnt
        One for each density class, or one for all; no image may be in two of them.

    Returns
    -------
    Style
        One row for each image that tokens were learnt from, in the style's order; the style's other
        images are left out.
    """
    rows = {
        sha: row for each in learnt for sha, row in zip(each.facts.images, each.tokens, strict=True)
    }
    classes = {sha: each.facts.density_class for each in learnt for sha in each.facts.images}
    named = sum(len(each.facts.images) for each in learnt)
    kept = [index for index, image in enumerate(style.facts.images) if image.sha256 in rows]
    modes = {(each.facts.token_mode, each.facts.clip_input) for each in learnt}
    weights = {each.facts.backbone_sha256 for each in learnt} | {style.facts.backbone_sha256}
    if not learnt or len(kept) != named or len(modes) > 1 or len(weights) > 1:
        raise InputError(
            "These tokens do not fit the style.",
            expected="tokens learnt from the style's images, each image once, with its backbone",
            found=(
                f"{named} image(s) in {len(learnt)} token file(s), {len(kept)} of them in the "
                f"style; {len(modes)} token mode(s), {len(weights)} backbone(s)"
            ),
            remedy="read the style off all the images that the tokens were learnt from",
        )
    first = learnt[0].facts
    images = (style.facts.images[index] for index in kept)
    facts = dataclasses.replace(
        style.facts,
        token_mode=first.token_mode,
        clip_input=first.clip_input,
        density_class=", ".join(each.facts.density_class for each in learnt),
        seed=first.seed,
        steps=first.steps,
        images=tuple(
            dataclasses.replace(image, density_class=classes[image.sha256]) for image in images
        ),
    )
    tokens = torch.stack([rows[image.sha256] for image in facts.images])
    return dataclasses.replace(_rows_of(style, kept), facts=facts, tokens=tokens)


def style_of_class(style: Style, name: str) -> Style:
    """Return the part of a style that was learnt from the images of one density class.

    Parameters
    ----------
    style
        With tokens that were learnt by class.
    """
    kept = [i for i, image in enumerate(style.facts.images) if image.density_class == name]
    if not kept:
        raise InputError(
            f"The style has no image of the density class {name}.",
            expected=f"one of the classes {style.facts.density_class or 'that tokens have'}",
            found=f"{len(style.facts.images)} image(s) of other classes or of none",
            remedy="learn tokens by class from images of all of them",
        )
    part = _rows_of(style, kept)
    return dataclasses.replace(part, facts=dataclasses.replace(part.facts, density_class=name))


def _rows_of(style: Style, kept: Sequence[int]) -> Style:
    """Return the style of some of its images."""
    rows = list(kept)
    tensors = {
        field.name: getattr(style, field.name)[rows]
        for field in dataclasses.fields(style)
        if field.name != "facts"
    }
    images = tuple(style.facts.images[index] for index in rows)
    return Style(facts=dataclasses.replace(style.facts, images=images), **tensors)
