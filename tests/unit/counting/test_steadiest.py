"""The choice of weights without labels."""

import copy
import csv

import numpy as np
import pytest
import torch
from tests.unit.counting.counting_networks import Uneven, count, probe_of_spots
from torch import nn

from adaptoscope.counting.regimes import train_counter
from adaptoscope.counting.settings import DensitySettings
from adaptoscope.counting.steadiest import SteadiestWeights
from adaptoscope.networks.centres_network import CentresNetwork
from adaptoscope.pretrained.weights_files import read_weights
from adaptoscope.training.checkpoints import load_checkpoint, save_checkpoint

STEPS = 20


@pytest.fixture(scope="module")
def probe():
    return probe_of_spots()


def test_the_weights_that_contradict_themselves_least_are_kept(probe):
    network = Uneven(3.0)
    steadiest = SteadiestWeights(network, count, probe, STEPS)
    values = np.linspace(-1.0, 1.5, STEPS)
    found = {}
    for step, uneven in enumerate(values):
        network.uneven.fill_(float(uneven))
        found[step] = steadiest.look(step)
    looked = {step: value for step, value in found.items() if value is not None}
    assert sorted(looked) == list(range(1, STEPS, 2))
    best = min(looked, key=lambda step: looked[step])
    assert best == 7
    steadiest.keep()
    assert float(network.uneven) == pytest.approx(values[best])


def test_a_checkpoint_brings_back_what_was_seen(tmp_path, probe):
    first = SteadiestWeights(Uneven(0.0), count, probe, STEPS)
    first.look(1)
    save_checkpoint(tmp_path / "checkpoint.pt", {"steadiest": first}, 2)
    again = SteadiestWeights(Uneven(2.0), count, probe, STEPS)
    assert load_checkpoint(tmp_path / "checkpoint.pt", {"steadiest": again}) == 2
    assert again.look(3) is not None
    again.keep()
    assert float(again.network.uneven) == 0.0


def test_looking_changes_nothing_that_is_trained(probe):
    network = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.BatchNorm2d(1))
    before = copy.deepcopy(network.state_dict())
    drawn = torch.random.get_rng_state()
    SteadiestWeights(network, count, probe, STEPS).look(1)
    assert network.training
    assert torch.equal(torch.random.get_rng_state(), drawn)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


def test_training_logs_the_looks_and_keeps_the_steadiest_weights(tmp_path, real):
    settings = DensitySettings(
        init="random",
        checkpoint="steadiest",
        steps=6,
        batch=2,
        crop=64,
        averaging=0.0,
        save_every=1,
        log_every=1,
    )
    folder = train_counter(settings, tmp_path / "m", real=real, device="cpu")
    with (folder / "metrics.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    looked = [float(row["disagreement"]) for row in rows]
    assert len(looked) == 6
    state = torch.load(folder / "checkpoints" / "last.pt", weights_only=True)["state"]
    kept, last = state["steadiest"], state["network"]
    assert kept["best"] == pytest.approx(min(looked), rel=1e-5)
    same = all(torch.equal(kept["weights"][name], last[name]) for name in last)
    assert same == (looked[-1] == min(looked))
    weights = read_weights(folder / "weights.safetensors")
    for name, _ in CentresNetwork().named_parameters():
        assert torch.equal(weights[name], kept["weights"][name])
