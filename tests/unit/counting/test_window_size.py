import numpy as np
import pytest
import torch

from adaptoscope.counting.count_regressor import CountRegressor
from adaptoscope.counting.counters import NetworkCounter
from adaptoscope.counting.model_folder import CountingModel, ModelRecord, load_counter
from adaptoscope.counting.trained_network import finished_form
from adaptoscope.errors import SettingsError
from adaptoscope.imageio.intensity import IntensityRange
from adaptoscope.networks.torch_network import TorchNetwork

CROP = 64
# So many cells would the network see in a crop that is bright all over.
CELLS = 8.0


class Brightness(torch.nn.Module):
    """A feature map that is the mean brightness of each 32 x 32 pixels, padded by nothing."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.avg_pool2d(images, 32)


def regressor(pooling: str) -> CountingModel:
    """Return a regressor that has learnt: cells of a crop = 8 x its mean brightness."""
    network = CountRegressor(Brightness(), pooling=pooling, crop=CROP, features=1)
    network.standardise(5.0, 2.0)
    with torch.no_grad():
        network.head.weight.fill_(CELLS / 2.0)
        network.head.bias.fill_(-5.0 / 2.0)
    finished = TorchNetwork(finished_form(network))
    counter = NetworkCounter(finished, crop=CROP, intensity=IntensityRange(0.0, 1.0))
    return CountingModel("mine", ModelRecord(kind="count_regressor", crop=CROP), counter)


@pytest.mark.parametrize("pooling", ["mean", "sum"])
@pytest.mark.parametrize("window", [32, 64, 96, 160])
def test_the_count_does_not_depend_on_the_window(pooling: str, window: int) -> None:
    pixels = np.random.default_rng(0).random((960, 960), dtype=np.float32)
    true = CELLS * float(pixels.sum()) / CROP**2

    found = regressor(pooling).with_window(window).counter.count(pixels).count

    assert found == pytest.approx(true, rel=1e-4)


def test_the_windows_have_the_size_that_is_asked_for() -> None:
    shapes = []
    model = regressor("mean").with_window(96)
    assert isinstance(model.counter, NetworkCounter)
    model.counter.network.module.encoder.register_forward_hook(
        lambda module, inputs, output: shapes.append(tuple(inputs[0].shape))
    )

    model.counter.count(np.zeros((192, 192), dtype=np.float32))

    assert shapes == [(4, 1, 96, 96)]


def test_the_counter_itself_stays_as_it_is() -> None:
    model = regressor("sum")
    pixels = np.random.default_rng(1).random((128, 128), dtype=np.float32)
    before = model.counter.count(pixels).count

    model.with_window(32)

    assert model.counter.count(pixels).count == before


def test_a_counter_without_windows_says_so() -> None:
    with pytest.raises(SettingsError, match="no windows") as refusal:
        load_counter("dog").with_window(64)

    assert "--window" in refusal.value.remedy


def test_a_window_below_one_feature_is_refused() -> None:
    with pytest.raises(SettingsError, match="too small"):
        regressor("mean").with_window(31)
