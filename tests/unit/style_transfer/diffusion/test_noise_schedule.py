import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from adaptoscope.style_transfer.diffusion.noise_schedule import (
    NoiseSchedule,
    ddim_timesteps,
)
from adaptoscope.style_transfer.settings import StylisationSettings

GOLDEN = {1: 0.9983, 21: 0.98038, 401: 0.42288, 500: 0.27633, 681: 0.09464, 700: 0.08252}


@pytest.mark.parametrize(("step", "value"), [*GOLDEN.items(), (981, 0.00578), (999, 0.00466)])
def test_alpha_bar_is_that_of_stable_diffusion(step: int, value: float) -> None:
    assert NoiseSchedule().alpha_bar[step] == pytest.approx(value, abs=6e-6 if step > 1 else 6e-5)


def test_fifty_ddim_steps_are_those_of_the_published_code() -> None:
    assert ddim_timesteps(NoiseSchedule(), 50).tolist() == list(range(1, 1000, 20))


def test_strength_07_runs_the_35_steps_below_681() -> None:
    steps = StylisationSettings(strength=0.7, steps=50).sampled_steps
    assert steps == 35
    assert ddim_timesteps(NoiseSchedule(), 50)[steps - 1] == 681


@pytest.mark.parametrize(
    ("strength", "steps", "expected"), [(0.0, 50, 0), (1.0, 50, 50), (0.29, 100, 29), (0.5, 1, 1)]
)
def test_strength_is_rounded_not_cut(strength: float, steps: int, expected: int) -> None:
    assert StylisationSettings(strength=strength, steps=steps).sampled_steps == expected


@given(st.integers(1, 1000))
def test_timesteps_rise_within_the_schedule(steps: int) -> None:
    timesteps = ddim_timesteps(NoiseSchedule(), steps)
    assert len(timesteps) == steps
    assert (np.diff(timesteps) > 0).all()
    assert timesteps[0] >= 0
    assert timesteps[-1] < 1000


@pytest.mark.parametrize("steps", [999, 1000])
def test_a_step_for_nearly_every_training_step(steps: int) -> None:
    assert ddim_timesteps(NoiseSchedule(), steps).tolist() == list(range(1000 - steps, 1000))


def test_noising_mixes_by_the_square_roots() -> None:
    schedule = NoiseSchedule()
    latents, noise = torch.full((2, 1, 2, 2), 3.0), torch.full((2, 1, 2, 2), 5.0)
    noised = schedule.add_noise(latents, noise, torch.tensor([0, 700]))
    alpha_bar = schedule.alpha_bar[[0, 700]]
    expected = np.sqrt(alpha_bar) * 3 + np.sqrt(1 - alpha_bar) * 5
    np.testing.assert_allclose(noised[:, 0, 0, 0].numpy(), expected, rtol=1e-6)
