"""Learn style tokens of real images on any backbone, class by class if wanted: paper 1, eq. (3)."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.density_classes import CLASSES
from adaptoscope.errors import InputError, SettingsError
from adaptoscope.style_transfer.backbones.protocol import Backbone
from adaptoscope.style_transfer.backbones.stable_diffusion.encoder_file import save_style_encoder
from adaptoscope.style_transfer.style_file import Style
from adaptoscope.style_transfer.style_tokens.examples import read_examples, refuse_small_images
from adaptoscope.style_transfer.style_tokens.settings import TokenSettings
from adaptoscope.style_transfer.style_tokens.token_file import (
    LearntTokens,
    TokenFacts,
    load_tokens,
    save_tokens,
)
from adaptoscope.style_transfer.style_tokens.token_sources import (
    EncodedTokens,
    TokenSource,
    check_mode,
    inputs_of_mode,
    source_of_tokens,
)
from adaptoscope.style_transfer.style_tokens.token_step import TokenStep
from adaptoscope.style_transfer.tensor_file import refuse_not_finite
from adaptoscope.training.run_folder import RunFolder
from adaptoscope.training.settings import load_settings
from adaptoscope.training.step_loop import Device, Precision, run_steps, start_fabric

TOKENS = "tokens.safetensors"
ENCODER = "encoder.safetensors"
PREVIEWS = "previews"
SETTINGS = "settings.yaml"
ALL = "all"
"""Run folder of images that were not divided into classes."""
PARTS = (TOKENS, ENCODER, PREVIEWS)


def learn_checked_classes(
    out: Path,
    classes: Mapping[str, CountedImageSet],
    hashes: Mapping[str, str],
    backbone: Backbone,
    backbone_sha256: str,
    settings: TokenSettings,
    *,
    start: Style | None = None,
    device: Device = "auto",
    overwrite: bool = False,
) -> list[LearntTokens]:
    """Learn tokens for each class of cell density, as paper 1 does; go on where a run stopped.

    Nothing is compared with images that are kept back: that is for the caller to do, once. Returned
    are the tokens in the order of `classes`, each with one row for every image of the class.

    Parameters
    ----------
    out
        Each class has its run folder in it, under its name; one without a name has ``all``. It
        holds ``tokens.safetensors`` and, where an encoder was learnt, ``encoder.safetensors``.
    classes
        Style images of each class, as from `group_by_density`; labels are not read.
    hashes
        From file name to the hash of the decoded pixels, for every image.
    start
        Zero-shot style of the same images, whose tokens ``direct`` begins with.
    overwrite
        Discard runs with other settings, and those of classes that are no longer learnt.
    """
    check_mode(backbone, settings)
    runs = [
        _TokenRun.of_images(out / (name or ALL), members, hashes, name, backbone, start)
        for name, members in classes.items()
    ]
    if overwrite:
        _discard_runs(out / name for name in {ALL, *CLASSES} - {run.out.name for run in runs})
    return [
        _learn_or_load(run, backbone, backbone_sha256, settings, device, overwrite=overwrite)
        for run in runs
    ]


@dataclass(frozen=True)
class _TokenRun:
    """What one run learns from: images that may be used and can be."""

    out: Path
    images: CountedImageSet
    hashes: tuple[str, ...]
    density_class: str
    initial: torch.Tensor | None

    @classmethod
    def of_images(
        cls,
        out: Path,
        images: CountedImageSet,
        hashes: Mapping[str, str],
        density_class: str,
        backbone: Backbone,
        start: Style | None,
    ) -> "_TokenRun":
        """Check the images and where to begin, before anything is written."""
        refuse_small_images(images)
        own = tuple(hashes[record.file_name] for record in images)
        initial = None if start is None else _tokens_of(start, own, backbone)
        return cls(out, images, own, density_class, initial)

    def inputs(self) -> dict[str, str]:
        """Return the hash of each image by a name that a person knows it by."""
        names = (f"image {record.file_name}" for record in self.images)
        return dict(zip(names, self.hashes, strict=True))


def _learn_or_load(
    plan: _TokenRun,
    backbone: Backbone,
    backbone_sha256: str,
    settings: TokenSettings,
    device: Device,
    *,
    overwrite: bool,
) -> LearntTokens:
    """Run token learning, or return the tokens of a run that is finished."""
    own = {f"backbone {backbone.name}": backbone_sha256, **inputs_of_mode(backbone, settings)}
    run = RunFolder.open(plan.out, settings, overwrite=overwrite, parts=PARTS)
    run.keep_named_inputs(plan.inputs() | own)
    if (plan.out / TOKENS).exists():
        return load_tokens(plan.out / TOKENS)
    facts = TokenFacts(
        backbone=backbone.name,
        backbone_sha256=backbone_sha256,
        token_mode=settings.token_mode,
        clip_input=settings.clip_input_used,
        density_class=plan.density_class,
        steps=settings.steps,
        seed=settings.seed,
        images=plan.hashes,
    )
    return _save(plan.out, _train(run, plan, backbone, settings, device), facts)


def _train(
    run: RunFolder, plan: _TokenRun, backbone: Backbone, settings: TokenSettings, device: Device
) -> TokenSource:
    fabric = start_fabric(device, precision_on(device, settings))
    run.record_environment(fabric.device)
    if isinstance(backbone, nn.Module):
        backbone.to(fabric.device).eval().requires_grad_(False)
    began = time.perf_counter()
    examples = read_examples(plan.images, backbone, settings, fabric.device)
    torch.manual_seed(settings.seed)
    source = source_of_tokens(backbone, examples, settings, plan.initial).to(fabric.device)
    run.record_timing("encode", time.perf_counter() - began)
    began = time.perf_counter()
    step = TokenStep(backbone, source, examples, settings, fabric, run.path / PREVIEWS)
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
    return source.eval()


def _discard_runs(folders: Iterable[Path]) -> None:
    """Remove runs of token learning; what else lies in these folders stays."""
    for folder in folders:
        if folder.is_symlink() or not _is_run(folder):
            continue
        RunFolder(folder).discard(PARTS)
        (folder / SETTINGS).unlink()
        for place in (folder / "checkpoints", folder):
            if place.is_dir() and not any(place.iterdir()):
                place.rmdir()


def _is_run(folder: Path) -> bool:
    try:
        load_settings(folder / SETTINGS, TokenSettings)
    except SettingsError:
        return False
    return True


def precision_on(device: Device, settings: TokenSettings) -> Precision:
    """Return the arithmetic to use: what was asked for, or bfloat16 where a GPU has it."""
    if settings.precision != "auto":
        return settings.precision
    on_gpu = device in ("auto", "cuda") and torch.cuda.is_available()
    return "bf16-mixed" if on_gpu and torch.cuda.is_bf16_supported() else "32-true"


def _tokens_of(style: Style, hashes: Sequence[str], backbone: Backbone) -> torch.Tensor:
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
    if style.tokens.shape[1:] != backbone.token_shape:
        raise InputError(
            "The style to begin with has tokens of another shape.",
            expected="{} token(s) of length {}".format(*backbone.token_shape),
            found="{} token(s) of length {}".format(*style.tokens.shape[1:]),
            remedy="read the style off with the backbone that its tokens are learnt on",
        )
    return style.tokens[found]


@torch.no_grad()
def _save(out: Path, source: TokenSource, facts: TokenFacts) -> LearntTokens:
    device = next(source.parameters()).device
    tokens = source(torch.arange(len(facts.images), device=device)).float().cpu().contiguous()
    learnt = LearntTokens(facts, tokens)
    refuse_not_finite("result of the training", {"tokens": tokens})
    if isinstance(source, EncodedTokens):
        save_style_encoder(out / ENCODER, source.encoder, source.facts)
    save_tokens(out / TOKENS, learnt)
    return learnt
