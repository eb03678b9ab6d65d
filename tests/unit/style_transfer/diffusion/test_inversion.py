import torch

from adaptoscope.style_transfer.diffusion.ddim import ddim_decode
from adaptoscope.style_transfer.diffusion.inversion import ddim_inversion, stochastic_inversion
from adaptoscope.style_transfer.diffusion.noise_schedule import NoiseSchedule


class CountingModel:
    """Predicts a constant noise and counts how often it is asked."""

    name = "constant"
    multiple = 8
    largest_tile = 1024
    intensities = ("stretched",)
    posteriors = ("mean",)
    device = torch.device("cpu")
    token_shape = (1, 2)

    def __init__(self, noise: float) -> None:
        self.schedule = NoiseSchedule()
        self.noise = noise
        self.asked: list[int] = []

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        return latents

    def embed_style(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels

    def predict_noise(
        self,
        latents: torch.Tensor,
        timestep: int | torch.Tensor,
        tokens: torch.Tensor | None,
        layout: torch.Tensor | None,
    ) -> torch.Tensor:
        self.asked.append(timestep)
        return torch.full_like(latents, self.noise)


def random_latents(seed: int, scale: float = 1.0, shift: float = 0.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(2, 3, 16, 16, generator=generator) + shift


def test_inversion_puts_the_predicted_noise_in_the_place_of_the_fresh_one() -> None:
    initial, fresh = random_latents(4), random_latents(5)
    model = CountingModel(0.0)
    inverted, seen = stochastic_inversion(model, initial, fresh, 681, None, None)
    torch.testing.assert_close(inverted, initial * model.schedule.alpha_bar[681] ** 0.5)
    torch.testing.assert_close(seen, torch.zeros_like(fresh))
    assert model.asked == [681]


def test_the_upward_way_is_undone_by_the_sampler_where_the_noise_does_not_change() -> None:
    initial = random_latents(6)
    model = CountingModel(0.3)
    rising = [1, 21, 41, 61]
    noised, seen = ddim_inversion(model, initial, rising, None, None)
    back = ddim_decode(model.schedule, noised, rising[::-1], lambda latents, _: seen)
    torch.testing.assert_close(back, initial, rtol=1e-4, atol=1e-5)
    assert model.asked == [0, 1, 21, 41]
