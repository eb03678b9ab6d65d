"""Any backbone on images of any size: in overlapping tiles, blended without seams."""

from collections.abc import Callable, Sequence
from itertools import pairwise, product
from math import ceil

import torch

from adaptoscope.style_transfer.backbone import FACTOR, Backbone, GivesMoments

_OVERLAP = 0.25

Span = tuple[int, int]


class TiledBackbone:
    """A backbone that looks at one tile at a time, for images that are larger than one.

    Encoding, every prediction of noise and decoding are done tile by tile; where tiles overlap,
    their answers are averaged with weights that fall to nothing at a tile's edge. Since the
    predictions are blended at each step, tiles agree long before the image is decoded (in the
    manner of MultiDiffusion, Bar-Tal et al., 2023). Memory no longer grows with the image, but for
    the latents.

    Parameters
    ----------
    tile
        Side of a tile in pixels, a multiple of the backbone's own. A quarter of it overlaps.
    """

    def __init__(self, backbone: Backbone, tile: int) -> None:
        self.backbone = backbone
        self.name = backbone.name
        self.multiple = backbone.multiple
        self.largest_tile = tile
        self.intensities = backbone.intensities
        self.posteriors = backbone.posteriors
        self.schedule = backbone.schedule
        self._side = tile // FACTOR
        self._step = backbone.multiple // FACTOR

    @property
    def device(self) -> torch.device:
        """Where the model stands."""
        return self.backbone.device

    @property
    def token_shape(self) -> tuple[int, int]:
        """Number and length of the tokens of a style."""
        return self.backbone.token_shape

    def embed_style(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the style tokens of images, seen whole."""
        return self.backbone.embed_style(pixels)

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the latents of images."""

        def part(rows: Span, columns: Span) -> torch.Tensor:
            return self.backbone.encode(_cut(pixels, rows, columns, FACTOR))

        return self._blended((pixels.shape[2] // FACTOR, pixels.shape[3] // FACTOR), 1, part)

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Return the images of latents."""

        def part(rows: Span, columns: Span) -> torch.Tensor:
            return self.backbone.decode(_cut(latents, rows, columns))

        return self._blended((latents.shape[2], latents.shape[3]), FACTOR, part)

    def predict_noise(
        self,
        latents: torch.Tensor,
        timestep: int | torch.Tensor,
        tokens: torch.Tensor | None,
        layout: torch.Tensor | None,
    ) -> torch.Tensor:
        """Return the noise in noised latents, given style tokens and a layout or neither."""

        def part(rows: Span, columns: Span) -> torch.Tensor:
            told = None if layout is None else _cut(layout, rows, columns)
            return self.backbone.predict_noise(_cut(latents, rows, columns), timestep, tokens, told)

        return self._blended((latents.shape[2], latents.shape[3]), 1, part)

    def _blended(
        self,
        size: tuple[int, int],
        scale: int,
        part: Callable[[Span, Span], torch.Tensor],
    ) -> torch.Tensor:
        """Put parts together; `size` and spans count latent pixels, answers have `scale` each."""
        rows, columns = (tile_spans(side, self._side, self._step) for side in size)
        pieces = [(place, part(*place)) for place in product(rows, columns)]
        first = pieces[0][1]
        weights = first.new_zeros(size[0] * scale, size[1] * scale)
        total = first.new_zeros(*first.shape[:2], *weights.shape)
        for (of_rows, of_columns), answer in pieces:
            across = _ramp(of_rows, size[0], self._side, scale, answer)
            along = _ramp(of_columns, size[1], self._side, scale, answer)
            weight = across[:, None] * along[None, :]
            _cut(total, of_rows, of_columns, scale).add_(weight * answer)
            _cut(weights[None, None], of_rows, of_columns, scale).add_(weight)
        return total / weights


class TiledMomentsBackbone(TiledBackbone):
    """The same for a backbone whose latents are drawn from a distribution."""

    def latent_moments(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean and standard deviation of the latents of images."""

        def part(rows: Span, columns: Span) -> torch.Tensor:
            assert isinstance(self.backbone, GivesMoments)
            return torch.cat(
                self.backbone.latent_moments(_cut(pixels, rows, columns, FACTOR)), dim=1
            )

        size = (pixels.shape[2] // FACTOR, pixels.shape[3] // FACTOR)
        mean, spread = self._blended(size, 1, part).chunk(2, dim=1)
        return mean, spread


def tile_spans(length: int, side: int, step: int) -> Sequence[Span]:
    """Divide a line into spans that overlap by at least a quarter.

    Parameters
    ----------
    length
        Of the line, a multiple of `step`.
    side
        Of a span, a multiple of `step`; the only span of a shorter line is the whole of it.
    step
        Spans begin at multiples of it.

    Returns
    -------
    sequence of tuple
        First place and the one after the last.
    """
    if length <= side:
        return [(0, length)]
    number = ceil((length - side) / ((1 - _OVERLAP) * side)) + 1
    while True:
        stride = (length - side) / (number - 1)
        starts = [round(index * stride / step) * step for index in range(number)]
        gaps = [after - before for before, after in pairwise(starts)]
        if max(gaps) <= (1 - _OVERLAP) * side or max(gaps) <= step:
            return [(start, start + side) for start in starts]
        number += 1


def in_tiles(backbone: Backbone, height: int, width: int, tile: int | None) -> Backbone:
    """Return the backbone itself, or one that works in tiles where an image is larger than one.

    Parameters
    ----------
    height, width
        Of the image in pixels.
    tile
        Side of a tile in pixels; none takes the backbone's largest.
    """
    side = tile or backbone.largest_tile
    side = max(side // backbone.multiple, 1) * backbone.multiple
    if max(height, width) <= side:
        return backbone
    kind = TiledMomentsBackbone if isinstance(backbone, GivesMoments) else TiledBackbone
    return kind(backbone, side)


def _cut(tensor: torch.Tensor, rows: Span, columns: Span, scale: int = 1) -> torch.Tensor:
    top, bottom, left, right = (place * scale for place in (*rows, *columns))
    return tensor[:, :, top:bottom, left:right]


def _ramp(span: Span, length: int, side: int, scale: int, like: torch.Tensor) -> torch.Tensor:
    """Weights along one side of a tile: 1 in the middle, falling where another tile follows."""
    places = torch.arange((span[1] - span[0]) * scale, device=like.device, dtype=like.dtype) + 0.5
    width = _OVERLAP * side * scale
    rising = places / width if span[0] > 0 else torch.ones_like(places)
    falling = places.flip(0) / width if span[1] < length else torch.ones_like(places)
    return torch.minimum(rising, falling).clamp(max=1.0)
