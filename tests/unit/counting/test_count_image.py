import numpy as np
import pytest
import torch

from adaptoscope.counting.baselines import ConstantCounter, DogCounter, OtsuWatershedCounter
from adaptoscope.counting.count_image import (
    OTHER_PIXEL_SIZE,
    cell_size_flag,
    count_cells,
    pixel_size_flag,
)
from adaptoscope.counting.counters import NetworkCounter
from adaptoscope.counting.density_counter import DensityCounter
from adaptoscope.counting.model_folder import CountingModel, ModelRecord
from adaptoscope.counting.post_processing import DensityReading
from adaptoscope.errors import SettingsError
from adaptoscope.imageio.files import MicroscopyImage
from adaptoscope.imageio.intensity import IntensityRange, IntensityScale
from adaptoscope.networks.geometry import Geometry
from adaptoscope.networks.torch_network import TorchNetwork


def image_of(pixels, pixel_size_um=None):
    scale = IntensityScale.full_range(8)
    return MicroscopyImage("a.png", pixels, scale, pixel_size_um, "", None)


def model_of(kind, counter, pixel_size_um=None):
    record = ModelRecord(kind=kind, pixel_size_um=pixel_size_um)
    return CountingModel(kind, record, counter)


def enlarged(pixels, factor=2):
    return np.kron(pixels, np.ones((factor, factor), dtype=np.float32))


class Brightness(torch.nn.Module):
    """Light is cells."""

    def __init__(self):
        super().__init__()
        self.unused = torch.nn.Parameter(torch.zeros(1))

    def forward(self, images):
        return images


def density_counter(diameter_px):
    return DensityCounter(
        TorchNetwork(Brightness()), geometry=Geometry(1, 16), working_diameter=10.0,
        diameter_px=diameter_px,
        intensity=IntensityRange(0.0, 1.0), reading=DensityReading(count="density"),
    )  # fmt: skip


FITTED = {
    "dog": lambda: DogCounter(2.8, 0.05),
    "otsu_watershed": lambda: OtsuWatershedCounter(10.0),
    "centres": lambda: density_counter(10.0),
}


@pytest.mark.parametrize("kind", FITTED)
def test_a_counter_works_at_its_diameter_in_micrometres(draw_field, kind):
    pixels, points = draw_field(20, 3)
    model = model_of(kind, FITTED[kind](), pixel_size_um=0.5)

    usual = count_cells(model, image_of(pixels, 0.5))
    # Half the edge of a pixel: the same field has twice the pixels along each side.
    finer = count_cells(model, image_of(enlarged(pixels), 0.25))

    if kind != "centres":
        assert usual.count == len(points)
    assert finer.count == pytest.approx(usual.count, rel=1e-3)
    own = model.counter.own_diameter_px
    assert finer.diameter_px == pytest.approx(2 * own)


@pytest.mark.parametrize("kind", FITTED)
def test_a_diameter_that_is_given_comes_first(draw_field, kind):
    pixels, _ = draw_field(20, 3)
    model = model_of(kind, FITTED[kind](), pixel_size_um=0.5)

    assert count_cells(model, image_of(pixels, 0.25), diameter_px=12).diameter_px == 12


@pytest.mark.parametrize("counter", [DogCounter(), OtsuWatershedCounter()])
def test_a_diameter_spares_the_measuring(draw_field, monkeypatch, counter):
    def refuse(pixels):
        raise AssertionError("measured")

    monkeypatch.setattr("adaptoscope.counting.baselines.measured_diameter", refuse)
    pixels, points = draw_field(20, 3)

    found = count_cells(model_of("dog", counter), image_of(pixels), diameter_px=10)

    assert found.count == len(points)


@pytest.mark.parametrize("sizes", [(None, 0.25), (0.5, None), (0.5, 0.5)])
def test_without_two_pixel_sizes_a_fitted_counter_works_as_fitted(draw_field, sizes):
    trained, here = sizes
    pixels, _ = draw_field(20, 3)
    counter = DogCounter(2.8, 0.05)

    found = count_cells(model_of("dog", counter, trained), image_of(pixels, here))

    assert found.diameter_px == counter.count(pixels).diameter_px


def test_a_counter_without_places_refuses_a_diameter():
    pixels = np.zeros((8, 8), dtype=np.float32)
    with pytest.raises(SettingsError, match="cannot be told") as caught:
        count_cells(model_of("constant", ConstantCounter(3.0)), image_of(pixels), diameter_px=9)
    assert "--diameter 9" in caught.value.found


def test_only_a_counter_of_one_size_is_flagged_at_another_pixel_size():
    network = TorchNetwork(torch.nn.Linear(1, 1))
    regressor = NetworkCounter(network, crop=64, intensity=None, diameter_px=12.0)
    model = model_of("count_regressor", regressor, pixel_size_um=0.5)

    flags = {size: pixel_size_flag(model, size) for size in (None, 0.41, 0.43, 0.5, 0.59, 0.61)}

    assert flags == {None: "", 0.41: OTHER_PIXEL_SIZE, 0.43: "", 0.5: "", 0.59: "",
                     0.61: OTHER_PIXEL_SIZE}  # fmt: skip
    assert pixel_size_flag(model_of("dog", DogCounter(2.8, 0.05), 0.5), 5.0) == ""
    assert pixel_size_flag(model_of("constant", ConstantCounter(3.0)), 5.0) == ""


def test_cells_of_quite_another_size_are_flagged_where_nothing_else_would(draw_field):
    pixels = draw_field(20, 3)[0]
    for sigma, said in ((4.0, ""), (16.0, "cells look 1"), (1.0, "cells look 1")):
        model = model_of("dog", DogCounter(sigma=sigma, threshold=0.02))
        own = model.counter.own_diameter_px
        flag = cell_size_flag(model, pixels, count_cells(model, image_of(pixels)))
        assert flag.startswith(said)
        assert flag.endswith(f"those of the training {own:.0f}" if said else "")
        told = count_cells(model, image_of(pixels), diameter_px=11.0)
        assert cell_size_flag(model, pixels, told) == ""
