import itertools

import pytest
import torch
from pydantic import ValidationError

from adaptoscope.style_transfer.diffusion.sampling import (
    Conditions,
    evaluations,
    falling_timesteps,
    noise_and_denoise,
)
from adaptoscope.style_transfer.settings import StylisationSettings
from tests.unit.style_transfer.diffusion.test_inversion import CountingModel, random_latents

PLAIN = StylisationSettings()
NOTHING = Conditions(torch.zeros(2, 1, 4), None)


class Guided(CountingModel):
    """Says whether it was asked with a style or without."""

    def predict_noise(
        self,
        latents: torch.Tensor,
        timestep: int,
        tokens: torch.Tensor | None,
        layout: torch.Tensor | None,
    ) -> torch.Tensor:
        self.asked.append(timestep if tokens is None else -timestep)
        return torch.zeros_like(latents)


class Recording(CountingModel):
    """Predicts a share of what it is shown, and keeps that."""

    def __init__(self) -> None:
        super().__init__(0.0)
        self.shown: list[torch.Tensor] = []

    def predict_noise(
        self,
        latents: torch.Tensor,
        timestep: int,
        tokens: torch.Tensor | None,
        layout: torch.Tensor | None,
    ) -> torch.Tensor:
        self.asked.append(timestep)
        self.shown.append(latents)
        return 0.3 * latents


@pytest.mark.parametrize(("official", "noised_at"), [(False, 681), (True, 700)])
def test_sdedit_begins_with_the_drawing_under_fresh_noise(official: bool, noised_at: int) -> None:
    model, initial, noise = Recording(), random_latents(3, shift=2.0), random_latents(4)
    settings = PLAIN.changed(inversion="sdedit", official_timing=official)
    noise_and_denoise(initial, noise, NOTHING, model, settings)
    alpha_bar = model.schedule.alpha_bar[noised_at]
    expected = alpha_bar**0.5 * initial + (1 - alpha_bar) ** 0.5 * noise  # paper 1, eq. (6)
    torch.testing.assert_close(model.shown[0], expected)
    assert (model.asked[0], len(model.asked)) == (681, 35)


@pytest.mark.parametrize(("official", "noised_at"), [(False, 681), (True, 700)])
def test_stochastic_inversion_keeps_the_drawing_under_the_noise_it_predicts(
    official: bool, noised_at: int
) -> None:
    model, initial, noise = Recording(), random_latents(3, shift=2.0), random_latents(4)
    noise_and_denoise(initial, noise, NOTHING, model, PLAIN.changed(official_timing=official))
    noised = model.schedule.add_noise(initial, noise, noised_at)
    torch.testing.assert_close(model.shown[0], noised)
    inverted = model.schedule.add_noise(initial, 0.3 * noised, noised_at)
    torch.testing.assert_close(model.shown[1], inverted)
    assert model.asked[:2] == [noised_at, 681]


@pytest.mark.parametrize("official", [False, True])
def test_ddim_inversion_climbs_from_the_drawing_without_fresh_noise(official: bool) -> None:
    model, initial = Recording(), random_latents(3, shift=2.0)
    settings = PLAIN.changed(inversion="ddim", steps=10, official_timing=official)
    noise_and_denoise(initial, random_latents(4), NOTHING, model, settings)
    climbed, reached = initial, 0
    for number, timestep in enumerate((1, 101, 201, 301, 401, 501, 601)):
        torch.testing.assert_close(model.shown[number], climbed)
        assert model.asked[number] == reached
        before, after = model.schedule.alpha_bar[[reached, timestep]]
        clean = (climbed - (1 - before) ** 0.5 * 0.3 * climbed) / before**0.5
        climbed = after**0.5 * clean + (1 - after) ** 0.5 * 0.3 * climbed
        reached = timestep
    torch.testing.assert_close(model.shown[7], climbed)
    assert (model.asked[7], len(model.asked)) == (601, 14)


def test_the_latent_is_noised_for_the_first_step_that_is_sampled() -> None:
    noised_at, timesteps = falling_timesteps(CountingModel(0.0).schedule, PLAIN)
    assert (noised_at, timesteps[0], timesteps[-1], len(timesteps)) == (681, 681, 1, 35)


def test_official_timing_is_one_step_out_and_cuts_the_strength_off() -> None:
    model, official = CountingModel(0.0), PLAIN.changed(official_timing=True)
    noised_at, timesteps = falling_timesteps(model.schedule, official)
    assert (noised_at, timesteps[0], len(timesteps)) == (700, 681, 35)
    _, cut = falling_timesteps(model.schedule, official.changed(strength=0.29, steps=100))
    _, rounded = falling_timesteps(model.schedule, PLAIN.changed(strength=0.29, steps=100))
    assert (len(cut), len(rounded)) == (28, 29)
    assert falling_timesteps(model.schedule, official.changed(strength=1.0))[0] == 999


@pytest.mark.parametrize("sampler", ["ddim", "dpm_solver"])
@pytest.mark.parametrize("steps", [1, 667, 800, 998, 999, 1000])
@pytest.mark.parametrize("official", [False, True])
def test_any_number_of_steps_runs_at_full_strength(
    sampler: str, steps: int, official: bool
) -> None:
    settings = PLAIN.changed(
        sampler=sampler, steps=steps, strength=1.0, official_timing=official, inversion="sdedit"
    )
    model, initial, noise = CountingModel(0.0), random_latents(1), random_latents(2)
    made = noise_and_denoise(initial, noise, NOTHING, model, settings)
    assert torch.isfinite(made).all()
    assert len(model.asked) == steps == evaluations(model.schedule, settings)
    assert all(before > after for before, after in itertools.pairwise(model.asked))


def test_guidance_acts_inside_its_interval_only() -> None:
    model = Guided(0.0)
    settings = PLAIN.changed(guidance=3.0, guidance_interval=(0.2, 0.5))
    latents = random_latents(0)
    noise_and_denoise(latents, latents, NOTHING, model, settings)
    without_style = [step for step in model.asked if step > 0]
    assert (max(without_style), min(without_style)) == (481, 201)
    assert len(without_style) == 15


@pytest.mark.parametrize("interval", [(0.5, 0.2), (-0.1, 1.0), (0.0, 1.1)])
def test_an_interval_must_rise_inside_the_schedule(interval: tuple[float, float]) -> None:
    with pytest.raises(ValidationError, match="guidance_interval"):
        StylisationSettings(guidance_interval=interval)


@pytest.mark.parametrize("sampler", ["ddim", "dpm_solver"])
def test_a_guard_to_the_end_keeps_the_coarse_latent(sampler: str) -> None:
    model, initial = CountingModel(0.7), random_latents(1)
    free = PLAIN.changed(sampler=sampler, inversion="sdedit")
    held = free.changed(guard=1.0, guard_factor=2)
    coarse = torch.nn.AvgPool2d(2)
    error = {
        name: (coarse(result) - coarse(initial)).abs().mean()
        for name, result in (
            ("free", noise_and_denoise(initial, random_latents(2), NOTHING, model, free)),
            ("held", noise_and_denoise(initial, random_latents(2), NOTHING, model, held)),
        )
    }
    assert error["held"] < 0.3 * error["free"]
