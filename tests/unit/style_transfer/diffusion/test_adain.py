import torch

from adaptoscope.style_transfer.diffusion.adain import (
    adain,
    adain_by_region,
    latent_statistics,
)
from tests.unit.style_transfer.diffusion.test_inversion import random_latents


def test_adain_takes_over_mean_and_deviation_of_the_style() -> None:
    content, style = random_latents(0), random_latents(1, 2.5, -1.0)
    result = adain(content, *latent_statistics(style))
    torch.testing.assert_close(result.mean((2, 3)), style.mean((2, 3)), atol=1e-5, rtol=0)
    torch.testing.assert_close(result.std((2, 3)), style.std((2, 3)), atol=1e-4, rtol=0)


def test_adain_of_an_image_with_itself_changes_nothing() -> None:
    latents = random_latents(2)
    torch.testing.assert_close(adain(latents, *latent_statistics(latents)), latents)


def test_the_variance_is_the_unbiased_one() -> None:
    latents = torch.tensor([[[[0.0, 2.0]]]])
    _, sd = latent_statistics(latents)
    torch.testing.assert_close(sd, torch.tensor([[(2.0 + 1e-5) ** 0.5]]))


def test_a_flat_channel_gives_no_infinity() -> None:
    flat = torch.ones(1, 1, 4, 4)
    assert torch.isfinite(adain(flat, *latent_statistics(random_latents(3)[:1, :1]))).all()


def test_statistics_under_a_cover_are_those_of_the_covered_part() -> None:
    latents = random_latents(7)
    cover = torch.zeros(2, 1, 16, 16)
    cover[..., :5] = 1
    mean, sd = latent_statistics(latents, cover)
    part = latents[..., :5]
    torch.testing.assert_close(mean, part.mean((2, 3)))
    torch.testing.assert_close(sd, (part.var((2, 3), unbiased=False) + 1e-5).sqrt())


def test_each_region_takes_over_the_statistics_of_its_own() -> None:
    content = random_latents(8)
    cover = torch.zeros(2, 1, 16, 16)
    cover[:, :, 3:9, 2:12] = 1
    cells = (torch.full((2, 3), 2.0), torch.full((2, 3), 0.5))
    ground = (torch.full((2, 3), -1.0), torch.full((2, 3), 0.1))
    result = adain_by_region(content, cover, cells, ground)
    for weight, (mean, sd) in ((cover, cells), (1 - cover, ground)):
        found_mean, found_sd = latent_statistics(result, weight)
        torch.testing.assert_close(found_mean, mean, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(found_sd, sd, rtol=1e-3, atol=1e-3)


def test_a_drawing_without_cells_takes_over_the_background_alone() -> None:
    content, empty = random_latents(9), torch.zeros(2, 1, 16, 16)
    wild = (torch.full((2, 3), 99.0), torch.full((2, 3), 99.0))
    ground = (torch.zeros(2, 3), torch.ones(2, 3))
    result = adain_by_region(content, empty, wild, ground)
    torch.testing.assert_close(result.mean((2, 3)), ground[0], atol=1e-4, rtol=0)
