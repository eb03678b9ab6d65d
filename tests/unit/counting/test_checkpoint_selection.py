"""The choice of weights without labels."""

import copy
import csv

import numpy as np
import pytest
import torch
from torch import nn

from adaptoscope.counting import regimes
from adaptoscope.counting.checkpoint_selection import SteadiestWeights
from adaptoscope.counting.heads.table import build_head
from adaptoscope.counting.regimes import train_counter
from adaptoscope.counting.settings import DensitySettings, RegressorSettings
from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.errors import OutputError, SettingsError
from adaptoscope.networks.centres_network import CentresNetwork
from adaptoscope.pretrained.weights_files import read_weights
from adaptoscope.training.checkpoints import load_checkpoint, save_checkpoint
from tests.unit.counting.counting_networks import Uneven, count, probe_of_spots

STEPS = 20
DENSITY = DensitySettings(
    init="random",
    checkpoint="steadiest",
    steps=6,
    batch=2,
    crop=64,
    averaging=0.0,
    save_every=1,
    log_every=1,
)
WRITTEN = ("weights.safetensors", "model.json", "metrics.csv")


def disagreements(folder):
    with (folder / "metrics.csv").open(newline="") as stream:
        return [row["disagreement"] for row in csv.DictReader(stream)]


@pytest.fixture
def synthetic(synthetic_folder):
    return open_counted_images(synthetic_folder)


@pytest.fixture(scope="module")
def probe():
    return probe_of_spots()


def test_the_weights_that_contradict_themselves_least_are_kept(probe):
    network = Uneven(3.0)
    steadiest = SteadiestWeights(network, count, probe, 0, STEPS)
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


def test_of_a_later_stretch_ten_moments_are_looked_at(probe):
    steadiest = SteadiestWeights(Uneven(0.0), count, probe, 30, 50)
    looked = [step for step in range(60) if steadiest.look(step) is not None]
    assert looked == list(range(31, 50, 2))


def test_a_checkpoint_brings_back_what_was_seen(tmp_path, probe):
    first = SteadiestWeights(Uneven(0.0), count, probe, 0, STEPS)
    first.look(1)
    save_checkpoint(tmp_path / "checkpoint.pt", {"steadiest": first}, 2)
    again = SteadiestWeights(Uneven(2.0), count, probe, 0, STEPS)
    assert load_checkpoint(tmp_path / "checkpoint.pt", {"steadiest": again}) == 2
    assert again.look(3) is not None
    again.keep()
    assert float(again.network.uneven) == 0.0


def test_looking_changes_nothing_that_is_trained(probe):
    network = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.BatchNorm2d(1))
    before = copy.deepcopy(network.state_dict())
    drawn = torch.random.get_rng_state()
    SteadiestWeights(network, count, probe, 0, STEPS).look(1)
    assert network.training
    assert torch.equal(torch.random.get_rng_state(), drawn)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


def test_training_logs_the_looks_and_keeps_the_steadiest_weights(tmp_path, real):
    folder = train_counter(DENSITY, tmp_path / "m", real=real, device="cpu")
    looked = [float(said) for said in disagreements(folder)]
    assert len(looked) == 6
    state = torch.load(folder / "checkpoints" / "last.pt", weights_only=True)["state"]
    kept, last = state["steadiest"], state["network"]
    assert kept["best"] == pytest.approx(min(looked), rel=1e-5)
    same = all(torch.equal(kept["weights"][name], last[name]) for name in last)
    assert same == (looked[-1] == min(looked))
    weights = read_weights(folder / "weights.safetensors")
    for name, _ in CentresNetwork().named_parameters():
        assert torch.equal(weights[name], kept["weights"][name])


def test_weights_from_before_the_real_images_are_not_kept(tmp_path, real, synthetic):
    settings = DENSITY.changed(regime="fine_tuned", pretrain_steps=4, steps=3)
    folder = train_counter(
        settings, tmp_path / "m", real=real, synthetic=synthetic, unlabelled=real, device="cpu"
    )
    said = disagreements(folder)
    assert said[:4] == [""] * 4
    assert all(said[4:])
    assert len(said) == 7


def test_a_training_with_frozen_statistics_is_looked_at_and_goes_on_as_it_was(
    tmp_path, real, monkeypatch
):
    settings = RegressorSettings(
        checkpoint="steadiest", steps=3, batch=2, crop=64, save_every=1, log_every=1
    )
    unbroken = train_counter(settings, tmp_path / "a", real=real, device="cpu")
    whole = regimes.counting_step

    def dying(*arguments):
        step = whole(*arguments)

        def die(index):
            if index == 2:
                raise KeyboardInterrupt
            return step(index)

        return die

    monkeypatch.setattr(regimes, "counting_step", dying)
    with pytest.raises(KeyboardInterrupt):
        train_counter(settings, tmp_path / "b", real=real, device="cpu")
    monkeypatch.setattr(regimes, "counting_step", whole)
    resumed = train_counter(settings, tmp_path / "b", real=real, device="cpu")

    for name in WRITTEN:
        assert (resumed / name).read_bytes() == (unbroken / name).read_bytes()
    first = dict(build_head(settings).network.named_buffers())
    last = torch.load(unbroken / "checkpoints" / "last.pt", weights_only=True)["state"]["network"]
    running = [name for name in first if "running" in name]
    assert len(running) > 10
    assert all(torch.equal(last[name], first[name]) for name in running)


def test_a_run_does_not_go_on_with_other_unlabelled_images(tmp_path, real, synthetic):
    settings, out = DENSITY.changed(steps=1), tmp_path / "m"
    train_counter(settings, out, real=synthetic, unlabelled=real, device="cpu")
    fewer = real.with_records(real.images_of("train")[1:])
    with pytest.raises(OutputError, match="other images"):
        train_counter(settings, out, real=synthetic, unlabelled=fewer, device="cpu")


def test_unlabelled_images_that_nothing_would_look_at_are_refused(tmp_path, real):
    last = DENSITY.changed(checkpoint="last")
    with pytest.raises(SettingsError, match="nothing would look") as caught:
        train_counter(last, tmp_path / "m", real=real, unlabelled=real, device="cpu")
    assert "steadiest" in caught.value.remedy
    assert not (tmp_path / "m").exists()
