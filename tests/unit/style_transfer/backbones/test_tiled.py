from pathlib import Path

import numpy as np
import torch

from adaptoscope.images.tiling import tile_spans
from adaptoscope.style_transfer.backbones.protocol import GivesMoments
from adaptoscope.style_transfer.backbones.table import hash_of_backbone, open_backbone
from adaptoscope.style_transfer.backbones.tiled import TiledBackbone, in_tiles
from adaptoscope.style_transfer.diffusion.noise_schedule import NoiseSchedule
from adaptoscope.style_transfer.learn_style import learn_style
from adaptoscope.style_transfer.settings import StylisationSettings
from adaptoscope.style_transfer.style_file import load_style
from adaptoscope.style_transfer.stylise import Drawing, stylise_batch
from tests.unit.style_transfer.conftest import draw_discs, write_set

SIDE = 128


class PointwiseModel:
    """Every answer depends on its own place alone, so that tiles cannot differ from the whole."""

    name = "pointwise"
    multiple = 32
    largest_tile = 64
    intensities = ("stretched",)
    posteriors = ("mean",)
    device = torch.device("cpu")
    token_shape = (1, 2)

    def __init__(self) -> None:
        self.schedule = NoiseSchedule()
        self.seen: list[torch.Size] = []

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        self.seen.append(pixels.shape)
        return pixels[:, :, ::8, ::8] ** 2

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        return latents.repeat_interleave(8, 2).repeat_interleave(8, 3)

    def embed_style(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.mean((2, 3))[:, None].expand(-1, 1, 2)

    def predict_noise(
        self,
        latents: torch.Tensor,
        timestep: int | torch.Tensor,
        tokens: torch.Tensor | None,
        layout: torch.Tensor | None,
    ) -> torch.Tensor:
        assert layout is not None
        return latents * layout


class PointwiseMoments(PointwiseModel):
    """The same with latents that are drawn from a distribution."""

    def latent_moments(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.seen.append(pixels.shape)
        mean = pixels[:, :, ::8, ::8]
        return mean, mean.abs()


def test_tiles_of_a_pointwise_model_make_the_whole() -> None:
    model = PointwiseModel()
    tiled = TiledBackbone(model, 64)
    pixels = torch.rand(2, 1, 160, 96)
    latents = tiled.encode(pixels)
    assert max(shape[2] for shape in model.seen) == 64
    torch.testing.assert_close(latents, model.encode(pixels))
    torch.testing.assert_close(tiled.decode(latents), model.decode(latents))
    layout = torch.rand(2, 1, 20, 12)
    whole = model.predict_noise(latents, 3, None, layout)
    torch.testing.assert_close(tiled.predict_noise(latents, 3, None, layout), whole)


def test_moments_are_tiled_where_the_model_has_them() -> None:
    model = PointwiseMoments()
    tiled = in_tiles(model, 160, 96, None)
    assert isinstance(tiled, GivesMoments)
    assert not isinstance(in_tiles(PointwiseModel(), 160, 96, None), GivesMoments)
    pixels = torch.rand(2, 1, 160, 96)
    found = tiled.latent_moments(pixels)
    assert {shape[2] for shape in model.seen} == {64}
    for part, whole in zip(found, model.latent_moments(pixels), strict=True):
        torch.testing.assert_close(part, whole)


def test_only_images_larger_than_a_tile_are_tiled() -> None:
    model = PointwiseModel()
    assert in_tiles(model, 64, 64, None) is model
    assert isinstance(in_tiles(model, 64, 65, None), TiledBackbone)
    assert in_tiles(model, 200, 200, 256) is model


def test_stylised_tiles_leave_no_seam(tmp_path: Path) -> None:
    """Steps across the edges of tiles are no larger than steps anywhere else.

    Trained weights are needed: a random network sees nothing of what lies around a pixel.
    """
    backbone = open_backbone("compact")
    shape = (SIDE, 3 * SIDE)
    pixels, mask = draw_discs(shape, np.random.default_rng(0).uniform(8, 120, (6, 2)))
    settings = StylisationSettings(steps=20, batch=1, tile=SIDE, residual=False)
    looks = write_set(tmp_path / "looks", 2, (SIDE, SIDE))
    learn_style(tmp_path / "style.safetensors", looks, backbone, hash_of_backbone("compact"))
    style = load_style(tmp_path / "style.safetensors")
    (tiled,) = stylise_batch([Drawing("a.png", pixels, mask, None)], style, backbone, settings)
    assert tiled.pixels.shape == shape
    steps = np.abs(np.diff(tiled.pixels, axis=1)).mean(axis=0)
    spans = tile_spans(3 * SIDE // 8, SIDE // 8, SIDE // 32, 4)
    assert len(spans) > 2
    edges = [8 * place - 1 for span in spans for place in span if 0 < 8 * place < 3 * SIDE]
    # The decoder itself works in blocks of eight: compare with the borders of other blocks.
    others = [place for place in range(7, 3 * SIDE - 1, 8) if place not in edges]
    assert steps[edges].mean() < 1.25 * steps[others].mean()
