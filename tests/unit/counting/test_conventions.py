import numpy as np
import pytest
import torch

from adaptoscope.counting.conventions import Conventions, by_conventions
from adaptoscope.counting.density_counter import DensityCounter
from adaptoscope.counting.model_folder import CountingModel, ModelRecord, load_counter
from adaptoscope.counting.post_processing import DensityReading
from adaptoscope.errors import SettingsError
from adaptoscope.imageio.intensity import IntensityRange
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

    counts = [
        by_conventions(model, Conventions(edges)).counter.count(pixels).count
        for edges in (None, "visible", "centres")
    ]

    assert counts == [2, 2, 1]
    assert counter.reading.edges == "visible"


def test_a_blurred_cell_can_be_skipped_and_is_less_sharp():
    rows, columns = np.mgrid[:96, :96]
    pixels = np.zeros((96, 96), np.float32)
    for row, column, spread, height in ((20, 20, 2, 1), (20, 70, 2, 1), (70, 45, 12, 0.6)):
        away = np.hypot(rows - row, columns - column) / spread
        pixels += height * np.exp(-0.5 * away**2)
    counter = DensityCounter(
        TorchNetwork(Light()), geometry=Geometry(2, 96), working_diameter=12.0, diameter_px=12.0,
        intensity=IntensityRange(0.0, 1.0),
    )  # fmt: skip
    model = CountingModel("light", ModelRecord(kind="centres"), counter)

    every = by_conventions(model, Conventions(blurred="count")).counter.count(pixels)
    sharp = by_conventions(model, Conventions(blurred="skip")).counter.count(pixels)

    assert (every.count, sharp.count) == (3, 2)
    blurred = np.argmax(every.points[:, 0])
    assert every.sharpness[blurred] < 0.25
    assert np.delete(every.sharpness, blurred) == pytest.approx([1, 1], abs=0.02)


def test_what_is_told_comes_before_what_was_fitted():
    fitted = DensityReading(threshold=0.6, edges="centres", least_sharpness=0.2)

    told = Conventions(edges="visible", blurred="count", fitted=fitted).changes()

    assert told["threshold"] == 0.6
    assert (told["edges"], told["least_sharpness"]) == ("visible", 0.0)
    assert not Conventions()


def test_other_counters_have_one_way():
    with pytest.raises(SettingsError, match="one way of counting"):
        by_conventions(load_counter("dog"), Conventions("centres"))
