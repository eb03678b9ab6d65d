"""Any backbone on images of any size: in overlapping tiles, blended without seams."""

from collections.abc import Callable
from itertools import product

import torch

from adaptoscope.images.tiling import Span, blending_weights, tile_spans
from adaptoscope.style_transfer.backbones.protocol import FACTOR, Backbone, GivesMoments

# A quarter of a tile: wide enough that no seam is seen, by eye.
_OVERLAP = 0.25


class TiledBackbone:
    """A backbone that looks at one tile at a time, for images that are larger than one.

    Encoding, every prediction of noise and decoding are done tile by tile; where tiles overlap,
    their answers are averaged with weights that fall to nothing at a tile's edge. Since the
    predictions are blended at each step, tiles agree long before the image is decoded (in the
    manner of MultiDiffusion, Bar-Tal et al., 2023). Memory no longer grows with the image, but for
    the latents. The side of a tile is in pixels, a multiple of the backbone's own.
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

        return self._blend((pixels.shape[2] // FACTOR, pixels.shape[3] // FACTOR), 1, part)

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Return the images of latents."""

        def part(rows: Span, columns: Span) -> torch.Tensor:
            return self.backbone.decode(_cut(latents, rows, columns))

        return self._blend((latents.shape[2], latents.shape[3]), FACTOR, part)

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

        return self._blend((latents.shape[2], latents.shape[3]), 1, part)

    def _blend(
        self,
        size: tuple[int, int],
        scale: int,
        part: Callable[[Span, Span], torch.Tensor],
    ) -> torch.Tensor:
        """Put parts together; `size` and spans count latent pixels, answers have `scale` each."""
        overlap = -(-self._side // round(1 / _OVERLAP))
        rows, columns = (tile_spans(side, self._side, overlap, self._step) for side in size)
        pieces = [(place, part(*place)) for place in product(rows, columns)]
        first = pieces[0][1]
        weights = first.new_zeros(size[0] * scale, size[1] * scale)
        total = first.new_zeros(*first.shape[:2], *weights.shape)
        for (of_rows, of_columns), answer in pieces:
            across, along = (
                torch.from_numpy(
                    blending_weights(
                        (span[0] * scale, span[1] * scale),
                        length * scale,
                        _OVERLAP * self._side * scale,
                        first=0.5,
                    )
                ).to(answer)
                for span, length in ((of_rows, size[0]), (of_columns, size[1]))
            )
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
        mean, spread = self._blend(size, 1, part).chunk(2, dim=1)
        return mean, spread


def in_tiles(backbone: Backbone, height: int, width: int, tile: int | None) -> Backbone:
    """Return the backbone itself, or one that works in tiles where an image is larger than one.

    Sizes are in pixels; no tile takes the backbone's largest.
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
