"""Read a style off real images: tokens, latent statistics, fine noise. Nothing is trained."""

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.leakage import refuse_held_out_images
from adaptoscope.errors import InputError
from adaptoscope.imageio.files import MicroscopyImage
from adaptoscope.images.measurement import measure_image, segment_nuclei
from adaptoscope.images.randomness import generator_of
from adaptoscope.images.set_measures import refuse_no_nuclei, shows_cells
from adaptoscope.images.windows import cut_window, tile_windows
from adaptoscope.style_transfer.backbones.protocol import Backbone, Reading, ReadsFields
from adaptoscope.style_transfer.backbones.tiled import in_tiles
from adaptoscope.style_transfer.diffusion.adain import latent_statistics
from adaptoscope.style_transfer.fine_residual import measure_residual
from adaptoscope.style_transfer.glow import WIDTHS, Glow, measure_glow
from adaptoscope.style_transfer.layout_condition import cell_cover
from adaptoscope.style_transfer.preprocessing import (
    as_batch,
    encode_images,
    intensity_range_of,
    refuse_unsupported,
    resize_image,
    resize_labels,
    resize_to_working_side,
)
from adaptoscope.style_transfer.settings import USUAL, Preprocessing
from adaptoscope.style_transfer.style_file import (
    Style,
    StyleFacts,
    StyleImage,
    refuse_other_style,
    save_style,
)
from adaptoscope.style_transfer.tensor_file import refuse_other_name
from adaptoscope.training.progress import progress

PURPOSE = "learn a style from"
# The side of the crops that `compact` was trained on.
TILE = 128
# The window of the fine residual's spectrum.
_SMALLEST = 64


def learn_style(
    out: Path,
    images: CountedImageSet,
    backbone: Backbone,
    backbone_sha256: str,
    *,
    shown: Preprocessing = USUAL,
    held_out: Iterable[CountedImageSet] = (),
    limit: int | None = None,
    seed: int = 0,
    overwrite: bool = False,
) -> Style:
    """Read the style of real images without training, and write it to a file.

    Parameters
    ----------
    images, backbone, backbone_sha256, shown
        As in `read_checked_images`; drawings must be shown alike.
    held_out
        Sets whose validation and test images must not be used, recognised by their pixels; the
        set itself is always one of them.
    limit
        Use at most this many images, drawn with `seed`.
    overwrite
        Replace another style; one of the same images, backbone and seed is written again anyway.
    """
    refuse_other_name(out, "style")
    refuse_held_out_images(images, (images, *held_out), PURPOSE)
    chosen = some_images(images, limit, seed)
    style = read_checked_images(chosen, backbone, backbone_sha256, shown=shown, seed=seed)
    if not overwrite:
        refuse_other_style(out, style.facts)
    save_style(out, style)
    return style


def read_checked_images(
    images: CountedImageSet,
    backbone: Backbone,
    backbone_sha256: str,
    *,
    shown: Preprocessing = USUAL,
    seed: int = 0,
    tokens: bool = True,
) -> Style:
    """Read the style of real images without training; a warning names those without a nucleus.

    Nothing is compared with images that are kept back: that is for the caller to do, once.

    Parameters
    ----------
    images
        Images of one bit depth; points and counts are not read.
    backbone, backbone_sha256
        The diffusion model, frozen, and the hash of its weights.
    shown
        How the images are shown to the backbone.
    seed
        Noted in the style; latents are drawn by it and by an image's name.
    tokens
        Read tokens too; otherwise they are 0, for a backbone that has to learn them.
    """
    refuse_unsupported(backbone, shown)
    reader = _TokenReader(backbone) if tokens else None
    rows: list[dict[str, torch.Tensor]] = []
    facts: list[StyleImage] = []
    blank: list[str] = []
    kinds: set[tuple[int, float | None]] = set()
    for record in progress(list(images), "read the style", unit="image"):
        image = images.read(record)
        kinds.add((image.scale.bit_depth, image.pixel_size_um))
        _refuse_other_depths({depth for depth, _ in kinds})
        tensors, fact = _read_one(image, record.split or "", backbone, reader, shown, seed)
        rows.append(tensors)
        facts.append(fact)
        if not shows_cells(image.pixels, fact.cell_diameter_px):
            blank.append(fact.name)
    _refuse_blank(blank, len(facts))
    sizes = {size for _, size in kinds}
    return Style(
        facts=StyleFacts(
            backbone=backbone.name,
            backbone_sha256=backbone_sha256,
            token_mode=reader.reading.token_mode if reader else "none",
            clip_input=reader.reading.clip_input if reader else "",
            bit_depth=next(iter(kinds))[0],
            pixel_size_um=sizes.pop() if len(sizes) == 1 else None,
            density_class="",
            seed=seed,
            steps=0,
            images=tuple(facts),
            **shown.model_dump(),
        ),
        tokens=reader.tokens() if reader else torch.zeros(len(rows), *backbone.token_shape),
        **{name: torch.stack([row[name] for row in rows]) for name in rows[0]},
    )


def _refuse_blank(blank: Sequence[str], images: int) -> None:
    """Refuse images none of which shows cells, and name those that are among others."""
    refuse_no_nuclei(images - len(blank), images, "give images that show cells")
    if blank:
        warnings.warn(
            f"No nucleus was seen in {len(blank)} of {images} style images: "
            f"{', '.join(blank[:5])}{' ...' if len(blank) > 5 else ''}. Stylised images will look "
            "like these too; leave them out if they are empty.",
            UserWarning,
            stacklevel=3,
        )


def some_images(images: CountedImageSet, limit: int | None, seed: int) -> CountedImageSet:
    """Return at most `limit` images, drawn with `seed`, in the order of the set."""
    if limit is None or limit >= len(images):
        return images
    chosen = np.random.default_rng(seed).choice(len(images), size=limit, replace=False)
    return images.with_records([images.records[index] for index in sorted(chosen)])


@torch.no_grad()
def _read_one(
    image: MicroscopyImage,
    split: str,
    backbone: Backbone,
    reader: "_TokenReader | None",
    shown: Preprocessing,
    seed: int,
) -> tuple[dict[str, torch.Tensor], StyleImage]:
    """Return one image's row of each tensor but the tokens, and what is remembered of it."""
    height, width = image.pixels.shape
    if min(height, width) < _SMALLEST:
        raise InputError(
            f"The style image {image.name} is too small.",
            expected=f"at least {_SMALLEST} x {_SMALLEST} pixels",
            found=f"{height} x {width}",
            remedy="use larger images",
        )
    labels, diameter = segment_nuclei(image.pixels)
    span = intensity_range_of(image.pixels, labels, shown)
    pixels = span.to_model(image.pixels)
    if reader is not None:
        legacy = reader.reading.clip_input == "legacy_uint8"
        # The published code shows CLIP the stored intensities, not those that the backbone sees.
        reader.read(2 * image.pixels - 1 if legacy else pixels)
    seen = resize_to_working_side(pixels, shown)
    rows, columns = seen.shape
    backbone = in_tiles(backbone, rows, columns, None)
    batch = as_batch([seen], backbone.multiple).to(backbone.device)
    generator = generator_of(seed, f"style image {image.name}")
    latents = encode_images(backbone, batch, shown, [generator])
    decoded = backbone.decode(latents)[0, 0, :rows, :columns].cpu().numpy()
    latents = latents.cpu()
    cells = (resize_labels(labels, shown) > 0).astype(np.float32)
    cover = cell_cover(as_batch([cells], backbone.multiple))
    residual = measure_residual(pixels, resize_image(decoded, (height, width)))
    # A diameter of 0 says that no glow could be measured.
    glow = measure_glow(pixels, labels, diameter) if labels.any() else None
    glow = glow or Glow(np.zeros(len(WIDTHS), np.float32), 0.0, 0.0, 0.0)
    statistics = {
        f"{part}_{name}": value[0]
        for part, weight in (("latent", None), ("cell", cover), ("ground", 1 - cover))
        for name, value in zip(("mean", "sd"), latent_statistics(latents, weight), strict=True)
    }
    measured = measure_image(image.pixels)
    return {
        **statistics,
        "residual_levels": torch.from_numpy(residual.levels),
        "residual_strengths": torch.from_numpy(residual.strengths),
        "residual_spectrum": torch.from_numpy(residual.spectrum),
        "glow_shares": torch.from_numpy(glow.shares),
        "glow_diameter": torch.tensor(glow.diameter),
        "glow_inside": torch.tensor(glow.inside),
    }, StyleImage(
        name=image.name,
        sha256=image.sha256,
        split=split,
        intensity_low=span.low,
        intensity_high=span.high,
        cells_per_mpx=measured.cells_per_mpx,
        cell_diameter_px=measured.diameter if np.isfinite(measured.diameter) else 0.0,
        noise_level=measured.noise_sd,
        cell_cover=float(np.mean(labels > 0)),
    )


class _TokenReader:
    """Reads tokens off one image after the other, in the way of the backbone."""

    def __init__(self, backbone: Backbone) -> None:
        self.backbone = backbone
        self.fields = backbone if isinstance(backbone, ReadsFields) else None
        self.reading = self.fields.reading() if self.fields else Reading()
        self.seen: list[torch.Tensor] = []

    def read(self, pixels: NDArray[np.float32]) -> None:
        device = self.backbone.device
        if self.fields is not None:
            found = self.fields.field_view(torch.from_numpy(pixels)[None, None].to(device))
        else:
            tiles = _busiest_tiles(pixels).to(device)
            found = self.backbone.embed_style(tiles).mean(0, keepdim=True)
        self.seen.append(found.float().cpu())

    @torch.no_grad()
    def tokens(self) -> torch.Tensor:
        seen = torch.cat(self.seen)
        if self.fields is None:
            return seen
        return self.fields.tokens_of_views(seen.to(self.backbone.device)).float().cpu()


def _busiest_tiles(pixels: NDArray[np.float32]) -> torch.Tensor:
    """Return the half of the tiles with the most contrast: those that show cells."""
    windows = tile_windows(pixels.shape[0], pixels.shape[1], TILE)
    tiles = np.stack([cut_window(pixels, window, TILE) for window in windows])
    order = np.argsort(-tiles.std((1, 2)), kind="stable")
    return torch.from_numpy(tiles[order[: -(-len(tiles) // 2)]])[:, None]


def _refuse_other_depths(depths: set[int]) -> None:
    if len(depths) > 1:
        raise InputError(
            "The style images do not share one bit depth.",
            expected="all 8-bit or all 16-bit",
            found=" and ".join(f"{depth}-bit" for depth in sorted(depths)),
            remedy="learn one style from each kind",
        )
