"""The choice of weights without labels."""

import copy
import csv

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import nn

from adaptoscope.counting.agreement import Probe, self_disagreement, views_of
from adaptoscope.counting.crops import TrainingImages
from adaptoscope.counting.regimes import train_counter
from adaptoscope.counting.settings import DensitySettings
from adaptoscope.counting.steadiest import SteadiestWeights
from adaptoscope.images.cell_centres import no_points
from adaptoscope.images.normalisation import IntensityRange
from adaptoscope.networks.centres_network import CentresNetwork
from adaptoscope.pretrained.weights_files import read_weights
from adaptoscope.training.checkpoints import load_checkpoint, save_checkpoint

SETTINGS = DensitySettings(init="random", steps=20, crop=64)
STEPS = 20


class Uneven(nn.Module):
    """Counts light, and the upper half of a crop `uneven` times more."""

    def __init__(self, uneven):
        super().__init__()
        self.uneven = nn.Parameter(torch.tensor(uneven), requires_grad=False)

    def forward(self, crops):
        rows = torch.linspace(0, 1, crops.shape[2]).view(1, 1, -1, 1)
        return (crops - 0.15).clamp(min=0) * (1 + self.uneven * (rows < 0.5))


class Same(Uneven):
    """Always says the same."""

    def forward(self, crops):
        return torch.full_like(crops, 1e-3) + 0 * self.uneven


def count(output):
    return output.sum(dim=(1, 2, 3))


@pytest.fixture(scope="module")
def probe():
    generator = np.random.default_rng(0)
    pixels = []
    for _ in range(3):
        image = np.zeros((96, 96), np.float32)
        places = generator.integers(4, 92, (12, 2))
        image[places[:, 0], places[:, 1]] = 1.0
        pixels.append(ndimage.gaussian_filter(image, 2.0) * 8 * np.pi)
    images = TrainingImages(pixels, [no_points()] * 3, {}, IntensityRange(0.0, 1.0))
    return Probe(images, SETTINGS)


def test_disagreement_is_that_of_views_and_of_two_crops_together():
    views = torch.tensor([[9.0, 3.0], [11.0, 3.0]])
    both = torch.tensor([12.0, 9.0])
    assert self_disagreement(views, both) == pytest.approx(0.5 / 6.0 + 1.5 / 12.0)
    assert self_disagreement(0 * views, 0 * both) == float("inf")


def test_views_change_the_look_and_not_the_cells():
    crops = torch.zeros(1, 1, 16, 16)
    crops[0, 0, 5, 9] = 1.0
    seen = views_of(crops, torch.zeros_like(crops))
    brightest = [tuple(torch.nonzero(view[0, 0] == view[0, 0].max())[0].tolist()) for view in seen]
    assert brightest == [(5, 9), (10, 9), (5, 6), *[(5, 9)] * 5]
    assert seen[6][0, 0, 5, 9] < 0.2
    assert float(seen[6].sum()) == pytest.approx(1.0)


def test_a_network_that_always_says_the_same_contradicts_itself(probe):
    assert probe.disagreement(Same(0.0), count) == pytest.approx(0.5, abs=1e-3)
    assert probe.disagreement(Uneven(0.0), count) < 0.4


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
