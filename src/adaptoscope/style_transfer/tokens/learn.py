"""Learn style tokens of real images on any backbone, class by class if wanted: paper 1, eq. (3)."""

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.leakage import refuse_held_out_images
from adaptoscope.errors import InputError
from adaptoscope.style_transfer.backbone import Backbone
from adaptoscope.style_transfer.stable_diffusion.encoder_file import save_encoder
from adaptoscope.style_transfer.style_file import Style
from adaptoscope.style_transfer.tokens.examples import read_examples
from adaptoscope.style_transfer.tokens.learnt import (
    LearntTokens,
    TokenFacts,
    load_tokens,
    save_tokens,
)
from adaptoscope.style_transfer.tokens.settings import TokenSettings
from adaptoscope.style_transfer.tokens.sources import EncodedTokens, TokenSource, source_of_tokens
from adaptoscope.style_transfer.tokens.step import TokenStep
from adaptoscope.training.run_folder import RunFolder
from adaptoscope.training.step_loop import Device, Precision, run_steps, start_fabric

TOKENS = "tokens.safetensors"
ENCODER = "encoder.safetensors"
PREVIEWS = "previews"
PARTS = (TOKENS, ENCODER, PREVIEWS)


def learn_tokens(
    out: Path,
    images: CountedImageSet,
    backbone: Backbone,
    backbone_sha256: str,
    settings: TokenSettings,
    *,
    start: Style | None = None,
    held_out: Iterable[CountedImageSet] = (),
    density_class: str = "",
    device: Device = "auto",
    overwrite: bool = False,
) -> LearntTokens:
    """Learn the tokens of style images; go on where an interrupted run stopped.

    Parameters
    ----------
    out
        Run folder; the tokens are written to ``out/tokens.safetensors`` and, where one was learnt,
        the encoder to ``out/encoder.safetensors``.
    images
        Style images, such as those of one density class; labels are not read. Where the set is
        split, only its training images are taken.
    backbone, backbone_sha256
        The diffusion model and the hash of its weights. It is frozen, and moved to `device`.
    settings
        Complete settings.
    start
        Zero-shot style of the same images, whose tokens ``direct`` begins with.
    held_out
        Further sets whose validation and test images must not be used.
    density_class
        Class that the images stand for, empty for all; kept with the tokens.
    device
        Where to compute.
    overwrite
        Discard a run with other settings in `out`.

    Returns
    -------
    LearntTokens
        One row for each image.

    Raises
    ------
    LeakageError
        If an image is kept back for validation or testing.
    SettingsError
        If the backbone cannot do what the token mode needs.
    InputError
        If an image is too small, `start` lacks it, or nothing reaches the tokens.
    """
    training = images.training_part()
    refuse_held_out_images(training, (images, *held_out), "learn style tokens from")
    hashes = tuple(training.read(record).sha256 for record in training)
    initial = None if start is None else _tokens_of(start, hashes)
    run = RunFolder.open(out, settings, overwrite=overwrite, parts=PARTS)
    run.keep_inputs([*hashes, backbone_sha256])
    if (out / TOKENS).exists():
        return load_tokens(out / TOKENS)
    fabric = start_fabric(device, precision_on(device, settings))
    run.record_environment(fabric.device)
    if isinstance(backbone, nn.Module):
        backbone.to(fabric.device).eval().requires_grad_(False)
    began = time.perf_counter()
    examples = read_examples(training, backbone, settings, fabric.device)
    torch.manual_seed(settings.seed)
    source = source_of_tokens(backbone, examples, settings, initial).to(fabric.device)
    run.record_timing("encode", time.perf_counter() - began)
    began = time.perf_counter()
    step = TokenStep(backbone, source, examples, settings, fabric, out / PREVIEWS)
    run_steps(
        step,
        steps=settings.steps,
        state=step.state,
        run=run,
        save_every=settings.save_every,
        log_every=50,
        description="learn tokens",
        seed=settings.seed,
    )
    run.record_timing("learn", time.perf_counter() - began)
    facts = TokenFacts(
        backbone=backbone.name,
        backbone_sha256=backbone_sha256,
        token_mode=settings.token_mode,
        clip_input="" if settings.token_mode == "direct" else settings.clip_input,
        density_class=density_class,
        steps=settings.steps,
        seed=settings.seed,
        images=hashes,
    )
    return _finished(out, source.eval(), facts)


def learn_class_tokens(
    out: Path,
    classes: Mapping[str, CountedImageSet],
    backbone: Backbone,
    backbone_sha256: str,
    settings: TokenSettings,
    **options: Any,
) -> list[LearntTokens]:
    """Learn tokens for each class of cell density, as paper 1 does.

    Parameters
    ----------
    out
        Each class has its run folder in it, under its name; one without a name takes `out`.
    classes
        Style images of each class, as from `group_by_density`.
    backbone, backbone_sha256, settings
        As in `learn_tokens`.
    options
        Further arguments of `learn_tokens`.

    Returns
    -------
    list of LearntTokens
        In the order of `classes`.
    """
    return [
        learn_tokens(
            out / name,
            members,
            backbone,
            backbone_sha256,
            settings,
            density_class=name,
            **options,
        )
        for name, members in classes.items()
    ]


def precision_on(device: Device, settings: TokenSettings) -> Precision:
    """Return the arithmetic to use: what was asked for, or bfloat16 where a GPU has it."""
    if settings.precision != "auto":
        return settings.precision
    on_gpu = device in ("auto", "cuda") and torch.cuda.is_available()
    return "bf16-mixed" if on_gpu and torch.cuda.is_bf16_supported() else "32-true"


def _tokens_of(style: Style, hashes: Iterable[str]) -> torch.Tensor:
    known = {image.sha256: row for row, image in enumerate(style.facts.images)}
    rows = [known.get(sha) for sha in hashes]
    found = [row for row in rows if row is not None]
    if len(found) < len(rows):
        raise InputError(
            "The style to begin with was not read off these images.",
            expected=f"a style of the same {len(rows)} image(s)",
            found=f"{len(found)} of them",
            remedy="read the style off all images that tokens are learnt from",
        )
    return style.tokens[found]


@torch.no_grad()
def _finished(out: Path, source: TokenSource, facts: TokenFacts) -> LearntTokens:
    device = next(source.parameters()).device
    tokens = source(torch.arange(len(facts.images), device=device)).float().cpu().contiguous()
    learnt = LearntTokens(facts, tokens)
    if isinstance(source, EncodedTokens):
        save_encoder(out / ENCODER, source.encoder, source.facts)
    save_tokens(out / TOKENS, learnt)
    return learnt
