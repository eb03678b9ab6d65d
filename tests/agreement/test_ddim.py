"""Our DDIM against the scheduler of diffusers."""

import torch
from diffusers import DDIMScheduler

from adaptoscope.style_transfer.diffusion.ddim import apply_guidance, ddim_decode
from adaptoscope.style_transfer.diffusion.noise_schedule import NoiseSchedule, ddim_timesteps


def made_up_noise(latents: torch.Tensor, timestep: int) -> torch.Tensor:
    return torch.tanh(latents * (1 + timestep / 1000)) + 0.1


def reference() -> DDIMScheduler:
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        timestep_spacing="leading",
    )


def test_the_schedule_is_the_same() -> None:
    ours = torch.from_numpy(NoiseSchedule().alpha_bar)
    torch.testing.assert_close(ours, reference().alphas_cumprod.double(), rtol=1e-4, atol=1e-7)


def test_35_steps_give_the_same_latents() -> None:
    scheduler = reference()
    scheduler.set_timesteps(50)
    start = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    expected = start
    for timestep in scheduler.timesteps[-35:]:
        noise = made_up_noise(expected, int(timestep))
        expected = scheduler.step(noise, timestep, expected, eta=0.0).prev_sample
    timesteps = [int(t) for t in ddim_timesteps(NoiseSchedule(), 50)[:35]][::-1]
    assert timesteps == scheduler.timesteps[-35:].tolist()
    ours = ddim_decode(NoiseSchedule(), start, timesteps, made_up_noise)
    torch.testing.assert_close(ours, expected, rtol=1e-3, atol=1e-4)


def test_perfect_predictions_return_the_clean_latents() -> None:
    schedule = NoiseSchedule()
    clean = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    noise = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(2))
    noised = schedule.add_noise(clean, noise, 681)
    timesteps = [int(t) for t in ddim_timesteps(schedule, 50)[:35]][::-1]
    final = ddim_decode(schedule, noised, timesteps, lambda latents, timestep: noise)
    expected = schedule.add_noise(clean, noise, 0)
    torch.testing.assert_close(final, expected, rtol=1e-4, atol=1e-4)


def test_guidance_of_one_is_the_conditional_prediction() -> None:
    conditional, unconditional = torch.ones(2), torch.zeros(2)
    torch.testing.assert_close(apply_guidance(conditional, unconditional, 1.0), conditional)
    torch.testing.assert_close(apply_guidance(conditional, unconditional, 3.0), 3 * conditional)
