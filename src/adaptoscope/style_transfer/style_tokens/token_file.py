"""Learnt style tokens: on disk, and put into a style."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from adaptoscope.errors import InputError
from adaptoscope.style_transfer.style_file import Style
from adaptoscope.style_transfer.tensor_file import (
    UNREADABLE,
    read_tensors,
    reason_of,
    refuse_not_finite,
    write_tensors,
)

FORMAT = "adaptoscope-tokens-1"


@dataclass(frozen=True)
class TokenFacts:
    """How tokens were learnt; `images` are the hashes of the style images, one for each row.

    `token_mode`, `clip_input` and `density_class` are as in `StyleFacts`.
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
    write_tensors(path, {"tokens": learnt.tokens}, asdict(learnt.facts), kind=FORMAT)


def load_tokens(path: Path) -> LearntTokens:
    """Read tokens."""
    try:
        facts, tensors = read_tensors(path, kind=FORMAT)
        known = TokenFacts(**(facts | {"images": tuple(facts["images"])}))
        return LearntTokens(known, tensors["tokens"])
    except UNREADABLE as error:
        raise InputError(
            f"{path} holds no style tokens that can be used.",
            expected="a file written by token learning",
            found=reason_of(error),
            remedy="learn the tokens again",
        ) from error


def refined_style(style: Style, learnt: Sequence[LearntTokens]) -> Style:
    """Put learnt tokens in the place of a style's own.

    Parameters
    ----------
    style
        Read off the same images, with the same backbone; gives everything but the tokens. Images
        that no tokens were learnt from are left out.
    learnt
        One for each density class, or one for all; no image may be in two of them.
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
    first, part = learnt[0].facts, style.only(kept)
    facts = replace(
        part.facts,
        token_mode=first.token_mode,
        clip_input=first.clip_input,
        density_class=", ".join(each.facts.density_class for each in learnt),
        seed=first.seed,
        steps=first.steps,
        images=tuple(
            replace(image, density_class=classes[image.sha256]) for image in part.facts.images
        ),
    )
    tokens = torch.stack([rows[image.sha256] for image in facts.images])
    return replace(part, facts=facts, tokens=tokens)


def style_of_class(style: Style, name: str) -> Style:
    """Return the part of a style that was learnt, by class, from images of one density class."""
    kept = [i for i, image in enumerate(style.facts.images) if image.density_class == name]
    if not kept:
        raise InputError(
            f"The style has no image of the density class {name}.",
            expected=f"one of the classes {style.facts.density_class or 'that tokens have'}",
            found=f"{len(style.facts.images)} image(s) of other classes or of none",
            remedy="learn tokens by class from images of all of them",
        )
    part = style.only(kept)
    return replace(part, facts=replace(part.facts, density_class=name))
