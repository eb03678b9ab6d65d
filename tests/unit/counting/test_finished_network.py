"""Finished networks in ONNX Runtime against the same networks in torch."""

import numpy as np
import pytest
import torch

from adaptoscope.counting.count_regressor import CountRegressor
from adaptoscope.counting.density_counter import DensityCounter
from adaptoscope.counting.fcrn_a import FcrnA
from adaptoscope.counting.model_folder import ModelRecord, load_counter, read_record
from adaptoscope.counting.trained_network import (
    network_counter,
    read_network,
    write_network_model,
)
from adaptoscope.networks.centres_network import CentresNetwork
from adaptoscope.pretrained.bundled import bundled_weights

SUM = 1e-4
"""Largest difference of a sum, relative to it."""

RECORD = {
    "crop": 64,
    "normalisation": "image",
    "intensity": {"0": (0.0, 1.0)},
    "working_diameter_px": 12.0,
    "pooling": "mean",
}


def network_of(kind, tiny_encoder):
    torch.manual_seed(3)
    if kind == "centres":
        return CentresNetwork()
    if kind == "fcrn_a":
        return FcrnA()
    regressor = CountRegressor(tiny_encoder(), pooling="sum", crop=64)
    torch.nn.init.normal_(regressor.head.weight)
    regressor.standardise(7.0, 2.0)
    return regressor


def assert_same(found, expected):
    assert found.count == pytest.approx(expected.count, rel=SUM, abs=SUM)
    if expected.points is None:
        assert found.points is None
    else:
        assert len(found.points) == len(expected.points)
        np.testing.assert_allclose(found.points, expected.points, atol=1e-2)


def test_the_bundled_counter_counts_as_its_weights_do(draw_field):
    folder = bundled_weights()["nuclei"]
    finished = load_counter("nuclei").counter
    trained = network_counter(read_record(folder), read_network(folder, read_record(folder)))

    for seed, cells in enumerate((0, 20, 60)):
        pixels = draw_field(cells, seed)[0]
        assert_same(finished.count(pixels), trained.count(pixels))
        sums = [each.survey(pixels).total for each in (finished, trained)]
        assert sums[0] == pytest.approx(sums[1], rel=SUM)


def test_tiles_count_as_the_whole(draw_field):
    counter = load_counter("nuclei").counter
    assert isinstance(counter, DensityCounter)
    pixels = np.tile(draw_field(30, 1)[0], (2, 3))
    whole = counter.survey(pixels, diameter_px=12.0)

    counter.tile = 64
    tiled = counter.survey(pixels, diameter_px=12.0)

    assert tiled.total == pytest.approx(whole.total, rel=SUM)
    assert len(tiled.points) == len(whole.points)


@pytest.mark.parametrize("kind", ["centres", "fcrn_a", "count_regressor"])
def test_a_fresh_counter_counts_as_it_was_trained(kind, tmp_path, draw_field, tiny_encoder):
    network = network_of(kind, tiny_encoder)
    record = ModelRecord.model_validate({**RECORD, "kind": kind})
    expected = network_counter(record, network)

    write_network_model(tmp_path, record, network, card="card")

    finished = load_counter(tmp_path)
    for seed in range(2):
        pixels = draw_field(15, seed)[0]
        assert_same(finished.counter.count(pixels), expected.count(pixels))
    if kind == "count_regressor":
        own = finished.with_window(96).counter.count(pixels)
        assert_same(own, expected.with_window(96).count(pixels))
