"""Learn a style: read it off the images, and refine its tokens if that is asked for."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.leakage import refuse_held_out_images
from adaptoscope.errors import SettingsError
from adaptoscope.style_transfer.backbones.protocol import Backbone
from adaptoscope.style_transfer.backbones.table import hash_of_backbone, open_backbone
from adaptoscope.style_transfer.learn_style import (
    PURPOSE,
    learn_style,
    read_checked_images,
    some_images,
)
from adaptoscope.style_transfer.settings import USUAL, Preprocessing
from adaptoscope.style_transfer.style_file import (
    Style,
    StyleFacts,
    refuse_other_style,
    save_style,
)
from adaptoscope.style_transfer.style_tokens.density_groups import group_by_density
from adaptoscope.style_transfer.style_tokens.learn_tokens import learn_checked_classes
from adaptoscope.style_transfer.style_tokens.settings import DensityRule, TokenSettings
from adaptoscope.style_transfer.style_tokens.token_file import refined_style
from adaptoscope.style_transfer.style_tokens.token_sources import DrawsTokens, check_mode
from adaptoscope.style_transfer.tensor_file import refuse_other_name
from adaptoscope.training.step_loop import Device, start_fabric


def learn_style_on(
    backbone: str,
    out: Path,
    images: CountedImageSet,
    *,
    tokens: TokenSettings | None = None,
    seed: int = 0,
    shown: Preprocessing = USUAL,
    rule: DensityRule | None = None,
    held_out: Iterable[CountedImageSet] = (),
    limit: int | None = None,
    device: Device = "auto",
    overwrite: bool = False,
) -> Style:
    """Learn a style on a backbone that is given by its name, as in `open_backbone`.

    Without `tokens` they are read off the images, with `seed`; training has a seed of its own. All
    else is as in `learn_refined_style`; `rule` stands only beside `tokens`.
    """
    opened = open_backbone(backbone, start_fabric(device).device)
    weights = hash_of_backbone(backbone)
    if tokens is not None:
        return learn_refined_style(
            out,
            images,
            opened,
            weights,
            tokens,
            shown=shown,
            rule=rule,
            held_out=held_out,
            limit=limit,
            device=device,
            overwrite=overwrite,
        )
    assert rule is None
    return learn_style(
        out,
        images.training_part(),
        opened,
        weights,
        shown=shown,
        held_out=[images, *held_out],
        limit=limit,
        seed=seed,
        overwrite=overwrite,
    )


def learn_refined_style(
    out: Path,
    images: CountedImageSet,
    backbone: Backbone,
    backbone_sha256: str,
    settings: TokenSettings,
    *,
    shown: Preprocessing = USUAL,
    rule: DensityRule | None = None,
    held_out: Iterable[CountedImageSet] = (),
    limit: int | None = None,
    device: Device = "auto",
    overwrite: bool = False,
) -> Style:
    """Learn the tokens of a style by training, all else of it being read off the images.

    Parameters
    ----------
    out
        Style file to write. Beside it a folder of the same name without the suffix keeps the runs,
        one for each class or one called ``all``: checkpoints, losses, previews; an interrupted one
        is continued.
    images
        Real images; labels are read only if `rule` asks for them. Where the set is split, only its
        training images are taken.
    settings
        How tokens are learnt. Those of a backbone that reads tokens off images begin there.
    shown
        How the images are shown to the backbone; drawings must be shown alike.
    rule
        Learn one set of tokens for each class of cell density; none learns for all images together.
    held_out
        Further sets whose validation and test images must not be used.
    limit
        Use at most this many images, drawn with the seed of `settings`; not beside `rule`.
    overwrite
        Discard runs with other settings or of other classes, and replace another style.
    """
    refuse_other_name(out, "style")
    check_mode(backbone, settings)
    _refuse_other_intensities(settings, shown)
    _refuse_rule_and_limit(rule, limit)
    training = images.training_part()
    refuse_held_out_images(training, (images, *held_out), PURPOSE)
    classes = (
        {"": some_images(training, limit, settings.seed)}
        if rule is None
        else group_by_density(training, rule)
    )
    chosen = {record.name for members in classes.values() for record in members}
    used = training.with_records([record for record in training if record.name in chosen])
    reads = settings.token_mode == "direct" and not isinstance(backbone, DrawsTokens)
    style = read_checked_images(
        used, backbone, backbone_sha256, shown=shown, seed=settings.seed, tokens=reads
    )
    if not overwrite:
        refuse_other_style(out, _facts_once_learnt(style, settings, classes))
    hashes = (image.sha256 for image in style.facts.images)
    learnt = learn_checked_classes(
        out.with_suffix(""),
        classes,
        {record.file_name: sha256 for record, sha256 in zip(used, hashes, strict=True)},
        backbone,
        backbone_sha256,
        settings,
        start=style if reads else None,
        device=device,
        overwrite=overwrite,
    )
    refined = refined_style(style, learnt)
    save_style(out, refined)
    return refined


def _facts_once_learnt(style: Style, settings: TokenSettings, classes: Iterable[str]) -> StyleFacts:
    """Return what will be known of the style once its tokens are learnt."""
    return dataclasses.replace(
        style.facts,
        token_mode=settings.token_mode,
        clip_input=settings.clip_input_used,
        density_class=", ".join(classes),
        steps=settings.steps,
    )


def _refuse_other_intensities(settings: TokenSettings, shown: Preprocessing) -> None:
    if settings.intensities != shown.intensities:
        raise SettingsError(
            "Tokens would be learnt from other intensities than the rest of the style.",
            expected=f"`intensities: {shown.intensities}` for the tokens too",
            found=f"`intensities: {settings.intensities}`",
            remedy="give both the same value: the settings of the tokens, and those by which "
            "drawings will be stylised",
        )


def _refuse_rule_and_limit(rule: DensityRule | None, limit: int | None) -> None:
    if rule is not None and limit is not None:
        raise SettingsError(
            "A limit on the images makes no sense beside density classes.",
            expected="one of the two",
            found=f"a limit of {limit} and a rule for classes",
            remedy="leave the limit out, and say how many images of a class are used: `per_class` "
            "in the file of the rule (--class-rule)",
        )
