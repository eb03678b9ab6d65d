from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from adaptoscope.errors import SettingsError
from adaptoscope.training.averaging import AveragedWeights
from adaptoscope.training.checkpoints import load_checkpoint
from adaptoscope.training.run_folder import RunFolder
from adaptoscope.training.schedule import learning_rate_at
from adaptoscope.training.step_loop import _Window, run_steps, seed_of_step, start_fabric


class Learner:
    """A linear layer with dropout that learns from batches drawn by (seed, step)."""

    def __init__(self, stops_at: int | None = None) -> None:
        torch.manual_seed(0)
        self.network = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 1))
        self.optimiser = torch.optim.Adam(self.network.parameters(), 0.01)
        self.average = AveragedWeights(self.network)
        self.stops_at = stops_at
        self.state = {
            "network": self.network,
            "optimiser": self.optimiser,
            "average": self.average,
        }

    def __call__(self, index: int) -> Mapping[str, float | torch.Tensor]:
        if index == self.stops_at:
            raise KeyboardInterrupt
        batch = torch.from_numpy(np.random.default_rng([5, index]).random((4, 3), np.float32))
        loss = (self.network(batch) - batch.sum(1, keepdim=True)).square().mean()
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self.average.update()
        return {"loss": loss.detach()}


def train(folder: Path, learner: Learner, save_every: int = 4, log_every: int = 2) -> Learner:
    run_steps(
        learner,
        steps=10,
        state=learner.state,
        run=RunFolder(folder),
        save_every=save_every,
        log_every=log_every,
        description="test",
        seed=5,
    )
    return learner


def test_a_stopped_run_ends_like_an_unbroken_one(tmp_path: Path) -> None:
    whole = train(tmp_path / "whole", Learner())
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "broken", Learner(stops_at=7))
    resumed = train(tmp_path / "broken", Learner())
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(tensor, resumed.network.state_dict()[name])
    for name, tensor in whole.average.module.state_dict().items():
        assert torch.equal(tensor, resumed.average.module.state_dict()[name])
    both = [(tmp_path / name / "metrics.csv").read_text() for name in ("whole", "broken")]
    assert both[0] == both[1]
    assert [line.split(",")[0] for line in both[0].split()] == ["step", "1", "3", "5", "7", "9"]


def test_checkpoints_are_saved_between_the_rows_of_metrics(tmp_path: Path) -> None:
    train(tmp_path / "whole", Learner(), save_every=3, log_every=4)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "broken", Learner(stops_at=7), save_every=3, log_every=4)
    assert load_checkpoint(tmp_path / "broken" / "checkpoints" / "last.pt", Learner().state) == 6
    train(tmp_path / "broken", Learner(), save_every=3, log_every=4)
    both = [(tmp_path / name / "metrics.csv").read_text() for name in ("whole", "broken")]
    assert both[0] == both[1]


class LateLearner(Learner):
    """Measures a margin from its fifth step on."""

    def __call__(self, index: int) -> Mapping[str, float | torch.Tensor | None]:
        return {**super().__call__(index), "margin": float(index) if index >= 4 else None}


def test_numbers_that_come_later_have_a_column_and_means_of_their_own(tmp_path: Path) -> None:
    train(tmp_path / "whole", LateLearner(), save_every=5, log_every=3)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "broken", LateLearner(stops_at=7), save_every=5, log_every=3)
    train(tmp_path / "broken", LateLearner(), save_every=5, log_every=3)
    both = [(tmp_path / name / "metrics.csv").read_text() for name in ("whole", "broken")]
    assert both[0] == both[1]
    rows = [line.split(",") for line in both[0].splitlines()]
    assert rows[0] == ["step", "loss", "margin"]
    # Rows end at steps 2, 4, 5, 8 and 9; the second holds steps 3 and 4, of which 4 is measured.
    assert [row[0] for row in rows[1:]] == ["2", "4", "5", "8", "9"]
    assert [row[2] for row in rows[1:]] == ["", "4", "5", "7", "9"]


def test_a_finished_run_is_not_taken_further(tmp_path: Path) -> None:
    train(tmp_path, Learner())
    before = (tmp_path / "metrics.csv").read_text()
    again = train(tmp_path, Learner(stops_at=0))
    assert (tmp_path / "metrics.csv").read_text() == before
    assert load_checkpoint(tmp_path / "checkpoints" / "last.pt", again.state) == 10


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the device")
def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(SettingsError, match="cuda") as caught:
        start_fabric("cuda")
    assert "--device auto" in caught.value.remedy


def test_steps_have_seeds_of_their_own() -> None:
    seeds = {seed_of_step(seed, step) for seed in range(3) for step in range(100)}
    assert len(seeds) == 300


def test_the_average_follows_slowly_and_copies_buffers() -> None:
    network = nn.BatchNorm1d(1)
    average = AveragedWeights(network, decay=0.5)
    with torch.no_grad():
        network.weight.fill_(3.0)
        network.running_mean.fill_(2.0)
    average.update()
    # After one update the copy keeps min(0.5, 2 / 11) of its old weight 1.
    assert average.module.weight.item() == pytest.approx(3 - 2 * 2 / 11)
    assert average.module.running_mean.item() == 2.0
    assert not average.module.weight.requires_grad


def test_the_learning_rate_rises_and_falls_to_a_twentieth() -> None:
    rates = [learning_rate_at(index, 100, 2.0, 500) for index in range(100)]
    assert rates[0] == pytest.approx(0.2)
    assert max(rates) == pytest.approx(2.0, rel=0.01)
    assert rates[-1] == pytest.approx(0.1, rel=0.05)
    assert rates[9:] == sorted(rates[9:], reverse=True)


def test_progress_gives_numbers_their_units() -> None:
    window = _Window()
    window.add({"loss": 0.78594, "mae": 0.9295, "disagreement": None})
    assert window.text({"mae": "cells a crop"}) == "loss 0.786, mae 0.929 cells a crop"
