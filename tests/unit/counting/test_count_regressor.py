import pytest
import torch

from adaptoscope.counting.count_regressor import CountRegressor


class Mosaic(torch.nn.Module):
    """Four features of stride 32: mean intensities of squares, times 1 to 4."""

    def forward(self, images):
        squares = torch.nn.functional.avg_pool2d(images, 32)
        return squares * torch.arange(1.0, 5.0).reshape(1, 4, 1, 1)


def regressor(pooling="mean"):
    torch.manual_seed(0)
    return CountRegressor(Mosaic(), pooling=pooling, crop=64, features=4)


def test_one_count_per_crop():
    assert regressor()(torch.rand(3, 1, 64, 64)).shape == (3,)


def test_sum_and_mean_agree_on_crops_of_full_size():
    crops = torch.rand(2, 1, 64, 64)

    assert torch.allclose(regressor("sum")(crops), regressor("mean")(crops))


def test_sum_grows_with_the_area_where_mean_does_not():
    torch.manual_seed(1)
    crops = torch.rand(1, 1, 64, 64)
    twice = torch.cat([crops, crops], dim=3)
    bare_sum, bare_mean = regressor("sum"), regressor("mean")

    assert torch.allclose(bare_sum(twice), 2 * bare_sum(crops), atol=1e-6)
    assert torch.allclose(bare_mean(twice), bare_mean(crops), atol=1e-6)


def test_an_untrained_head_begins_near_the_mean_count():
    network = regressor()
    network.standardise(12.0, 5.0)

    assert network(torch.rand(4, 1, 64, 64)).detach().numpy() == pytest.approx(12.0, abs=0.2)


def test_a_new_phase_forgets_nothing():
    network = regressor()
    network.standardise(60.0, 20.0)
    torch.nn.init.normal_(network.head.weight)
    crops = torch.rand(4, 1, 64, 64)
    before = network(crops)

    network.standardise(12.0, 5.0)

    assert torch.allclose(network(crops), before, atol=1e-4)
    assert float(network.count_sd) == 5.0


def test_names_of_the_weights_do_not_change():
    assert set(regressor().state_dict()) == {
        "head.weight",
        "head.bias",
        "count_mean",
        "count_sd",
    }
