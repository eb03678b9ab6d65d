"""Learn a style with tokens of its own: read it off the images, then refine its tokens."""

from collections.abc import Iterable
from pathlib import Path

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.leakage import refuse_held_out_images
from adaptoscope.style_transfer.backbone import Backbone
from adaptoscope.style_transfer.learn_style import (
    PURPOSE,
    read_style,
    refuse_other_name,
    some_images,
)
from adaptoscope.style_transfer.style_file import Style, save_style
from adaptoscope.style_transfer.tokens.density_classes import group_by_density
from adaptoscope.style_transfer.tokens.learn import learn_class_tokens
from adaptoscope.style_transfer.tokens.learnt import refined_style
from adaptoscope.style_transfer.tokens.settings import DensityRule, TokenSettings
from adaptoscope.style_transfer.tokens.sources import DrawsTokens
from adaptoscope.training.step_loop import Device


def learn_refined_style(
    out: Path,
    images: CountedImageSet,
    backbone: Backbone,
    backbone_sha256: str,
    settings: TokenSettings,
    *,
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
        Style file to write. Beside it a folder of the same name without the suffix keeps the runs:
        checkpoints, losses, previews; an interrupted one is continued.
    images
        Real images; labels are read only if `rule` asks for them. Where the set is split, only its
        training images are taken.
    backbone, backbone_sha256
        The diffusion model and the hash of its weights. It stays as it is.
    settings
        How tokens are learnt. Those of a backbone that reads tokens off images begin there.
    rule
        Learn one set of tokens for each class of cell density; none learns for all images together.
    held_out
        Further sets whose validation and test images must not be used.
    limit
        Without `rule`, use at most this many images, drawn with the seed of `settings`.
    device
        Where to compute.
    overwrite
        Discard runs with other settings.

    Raises
    ------
    LeakageError
        If an image is kept back for validation or testing.
    SettingsError
        If the backbone cannot do what the token mode needs.
    InputError
        If an image cannot be used, or nothing reaches the tokens.
    OutputError
        If `out` is not named as a style file, or holds runs with other settings.
    """
    refuse_other_name(out)
    training = images.training_part()
    sets = (images, *held_out)
    refuse_held_out_images(training, sets, PURPOSE)
    classes = (
        {"": some_images(training, limit, settings.seed)}
        if rule is None
        else group_by_density(training, rule)
    )
    chosen = {record.name for members in classes.values() for record in members}
    used = training.with_records([record for record in training if record.name in chosen])
    reads = settings.token_mode == "direct" and not isinstance(backbone, DrawsTokens)
    style = read_style(
        used, backbone, backbone_sha256, held_out=sets, seed=settings.seed, tokens=reads
    )
    learnt = learn_class_tokens(
        out.with_suffix(""),
        classes,
        backbone,
        backbone_sha256,
        settings,
        start=style if reads else None,
        held_out=sets,
        device=device,
        overwrite=overwrite,
    )
    refined = refined_style(style, learnt)
    save_style(out, refined)
    return refined
