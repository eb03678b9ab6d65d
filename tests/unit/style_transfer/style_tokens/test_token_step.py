from pathlib import Path

import pytest
import torch
from torch.nn import functional

from adaptoscope.errors import InputError
from adaptoscope.style_transfer.diffusion.noise_schedule import NoiseSchedule
from adaptoscope.style_transfer.style_tokens.examples import StyleExample, StyleExamples
from adaptoscope.style_transfer.style_tokens.settings import TokenSettings
from adaptoscope.style_transfer.style_tokens.token_sources import DirectTokens
from adaptoscope.style_transfer.style_tokens.token_step import TokenStep
from adaptoscope.training.step_loop import start_fabric

# One example, one crop, one token of two numbers: the step can be written out by hand.
EXAMPLE = StyleExample(
    torch.zeros(1, 1, 16, 16), torch.ones(1, 3, 2, 2), torch.zeros(1, 3, 2, 2), None
)
SETTINGS = TokenSettings(batch=1, learning_rate=0.01)


class LinearModel:
    """Predicts the noised latents times the first number of the token, plus the second."""

    name = "linear"
    multiple = 8
    largest_tile = 1024
    intensities = ("stretched",)
    posteriors = ("mean",)
    device = torch.device("cpu")
    token_shape = (1, 2)

    def __init__(self, factor: float = 1.0) -> None:
        self.schedule = NoiseSchedule()
        self.factor = factor
        self.seen: list[torch.Tensor] = []

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        return latents.mean(1, keepdim=True)

    def embed_style(self, pixels: torch.Tensor) -> torch.Tensor:
        return torch.zeros(len(pixels), 1, 2)

    def predict_noise(
        self,
        latents: torch.Tensor,
        timestep: int | torch.Tensor,
        tokens: torch.Tensor | None,
        layout: torch.Tensor | None,
    ) -> torch.Tensor:
        assert tokens is not None
        if isinstance(timestep, torch.Tensor):
            self.seen.append(timestep)
        scale, shift = (tokens[:, 0, i, None, None, None] for i in (0, 1))
        return self.factor * (scale * latents + shift)


def step_of(model: LinearModel, folder: Path, settings: TokenSettings = SETTINGS) -> TokenStep:
    source = DirectTokens(torch.tensor([[[0.3, -0.1]]]))
    examples = StyleExamples([EXAMPLE], side=2)
    return TokenStep(model, source, examples, settings, start_fabric("cpu"), folder)


def test_a_step_is_the_same_step_written_out(tmp_path: Path) -> None:
    step = step_of(LinearModel(), tmp_path)
    torch.manual_seed(4)
    loss = step(0)["loss"]

    torch.manual_seed(4)
    latents = torch.ones(1, 3, 2, 2) + 0 * torch.randn(3, 2, 2)
    timestep = torch.randint(0, 1000, (1,))
    noise = torch.randn(1, 3, 2, 2)
    noised = NoiseSchedule().add_noise(latents, noise, timestep)
    token = torch.nn.Parameter(torch.tensor([[[0.3, -0.1]]]))
    optimiser = torch.optim.AdamW([token], 0.01, weight_decay=0.01)
    expected = functional.mse_loss(token[0, 0, 0] * noised + token[0, 0, 1], noise)
    expected.backward()
    optimiser.step()
    torch.testing.assert_close(loss, expected.detach())
    torch.testing.assert_close(step.source.tokens, token)


def test_steps_lead_to_the_tokens_of_least_loss(tmp_path: Path) -> None:
    settings = SETTINGS.changed(batch=16, learning_rate=0.02)
    step = step_of(LinearModel(), tmp_path, settings)
    losses = []
    for index in range(80):
        torch.manual_seed(index)
        losses.append(float(step(index)["loss"]))
    # With clean latents of 1 the best answer is linear: slope and offset by least squares.
    alpha_bar = torch.from_numpy(NoiseSchedule().alpha_bar)
    signal, noise = alpha_bar.sqrt(), (1 - alpha_bar).sqrt()
    slope = noise.mean() / (signal.var(unbiased=False) + (noise**2).mean())
    expected = torch.stack([slope, -slope * signal.mean()]).float()
    torch.testing.assert_close(step.source.tokens[0, 0].detach(), expected, atol=0.08, rtol=0)
    assert sum(losses[-10:]) < 0.5 * sum(losses[:10])


@pytest.mark.parametrize("factor", [0.0, float("nan")])
def test_a_loss_that_does_not_reach_the_tokens_is_refused_at_the_first_step(
    tmp_path: Path, factor: float
) -> None:
    step = step_of(LinearModel(factor), tmp_path)
    with pytest.raises(InputError, match="cannot be learnt"):
        step(0)


def test_a_prediction_without_tokens_is_refused(tmp_path: Path) -> None:
    class Deaf(LinearModel):
        def predict_noise(self, latents: torch.Tensor, *conditions: object) -> torch.Tensor:
            return latents

    with pytest.raises(InputError, match="exactly zero"):
        step_of(Deaf(), tmp_path)(0)


def test_stratified_time_steps_cover_the_schedule(tmp_path: Path) -> None:
    model = LinearModel()
    settings = SETTINGS.changed(batch=10, timesteps="stratified")
    step_of(model, tmp_path, settings)(0)
    assert (model.seen[0] // 100).tolist() == list(range(10))


def test_uniform_time_steps_stay_on_the_schedule(tmp_path: Path) -> None:
    model = LinearModel()
    step = step_of(model, tmp_path, SETTINGS.changed(batch=64))
    for index in range(3):
        step(index)
    drawn = torch.cat(model.seen)
    assert drawn.min() >= 0
    assert drawn.max() < 1000
    assert len(drawn.unique()) > 150


def test_previews_are_written_every_few_steps_and_change_nothing(tmp_path: Path) -> None:
    weights = []
    for name, every in (("with", 2), ("without", 0)):
        settings = SETTINGS.changed(preview_every=every)
        step = step_of(LinearModel(), tmp_path / name, settings)
        for index in range(4):
            torch.manual_seed(index)
            step(index)
        weights.append(step.source.tokens.detach())
    assert torch.equal(*weights)
    written = sorted(path.name for path in (tmp_path / "with").iterdir())
    assert written == ["step_000002.png", "step_000004.png"]
    assert not (tmp_path / "without").exists()
