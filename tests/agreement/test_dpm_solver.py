"""Our DPM-Solver++ (2M) against the scheduler of diffusers."""

import pytest
import torch
from diffusers import DPMSolverMultistepScheduler

from adaptoscope.style_transfer.diffusion.dpm_solver import dpm_solver_decode
from adaptoscope.style_transfer.diffusion.noise_schedule import NoiseSchedule, ddim_timesteps
from tests.agreement.test_ddim import made_up_noise


@pytest.mark.parametrize("steps", [10, 14, 20, 40])
def test_the_same_latents_on_the_same_steps(steps: int) -> None:
    scheduler = DPMSolverMultistepScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        algorithm_type="dpmsolver++",
        solver_order=2,
        solver_type="midpoint",
        final_sigmas_type="sigma_min",
        lower_order_final=True,
    )
    timesteps = [int(t) for t in ddim_timesteps(NoiseSchedule(), steps)][::-1]
    scheduler.set_timesteps(timesteps=timesteps)
    start = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    expected = start
    for timestep in scheduler.timesteps:
        noise = made_up_noise(expected, int(timestep))
        expected = scheduler.step(noise, timestep, expected).prev_sample
    ours = dpm_solver_decode(NoiseSchedule(), start, timesteps, made_up_noise)
    torch.testing.assert_close(ours, expected, rtol=2e-3, atol=2e-3)


def test_perfect_predictions_return_the_clean_latents() -> None:
    schedule = NoiseSchedule()
    clean = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    noise = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(2))
    timesteps = [int(t) for t in ddim_timesteps(schedule, 20)[:14]][::-1]
    noised = schedule.add_noise(clean, noise, timesteps[0])
    final = dpm_solver_decode(schedule, noised, timesteps, lambda latents, timestep: noise)
    torch.testing.assert_close(final, schedule.add_noise(clean, noise, 0), rtol=1e-4, atol=1e-4)
