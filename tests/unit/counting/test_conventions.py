import numpy as np
import pytest
import torch

from adaptoscope.counting.density_counter import DensityCounter
from adaptoscope.counting.edges import at_edges
from adaptoscope.counting.model_folder import CountingModel, ModelRecord, load_counter
from adaptoscope.errors import SettingsError
from adaptoscope.images.normalisation import IntensityRange
from adaptoscope.networks.geometry import Geometry
from adaptoscope.networks.torch_network import TorchNetwork


class Light(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.unused = torch.nn.Parameter(torch.zeros(1))

    def forward(self, images):
        return torch.nn.functional.avg_pool2d(images, 2) / (2 * torch.pi)


def test_the_rule_for_the_border_is_that_asked_for():
    rows, columns = np.mgrid[:64, :64]
    pixels = np.zeros((64, 64), np.float32)
    for row, column in ((0, 20), (30, 30)):
        pixels += np.exp(-0.5 * (np.hypot(rows - row, columns - column) / 2) ** 2)
    counter = DensityCounter(
        TorchNetwork(Light()), geometry=Geometry(2, 96), working_diameter=12.0, diameter_px=12.0,
        intensity=IntensityRange(0.0, 1.0),
    )  # fmt: skip
    model = CountingModel("light", ModelRecord(kind="centres"), counter)

    counts = [at_edges(model, e).counter.count(pixels).count for e in (None, "visible", "centres")]

    assert counts == [2, 2, 1]
    assert counter.reading.edges == "visible"


def test_other_counters_have_one_way():
    with pytest.raises(SettingsError, match="one way of counting at the border"):
        at_edges(load_counter("dog"), "centres")
