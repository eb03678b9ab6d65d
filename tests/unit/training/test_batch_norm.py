import torch
from torch import nn

from adaptoscope.training.batch_norm import freeze_statistics, measure_statistics


def small_network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2), nn.ReLU())


def test_frozen_statistics_stay_while_scale_and_offset_learn() -> None:
    torch.manual_seed(0)
    network = small_network().train()
    freeze_statistics(network)
    layer = network[1]
    optimiser = torch.optim.SGD(network.parameters(), 0.1)
    network(torch.rand(4, 1, 8, 8) + 3).square().sum().backward()
    optimiser.step()
    torch.testing.assert_close(layer.running_mean, torch.zeros(2))
    assert not torch.equal(layer.weight, torch.ones(2))
    assert network.training
    assert not layer.training


def test_measured_statistics_are_plain_means_over_the_batches() -> None:
    network = small_network()
    batches = [torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(i)) for i in (0, 1)]
    measure_statistics(network, lambda index: batches[index], 2)
    layer = network[1]
    features = [network[0](batch) for batch in batches]
    expected = torch.stack([f.mean((0, 2, 3)) for f in features]).mean(0)
    torch.testing.assert_close(layer.running_mean, expected)
    variance = torch.stack([f.var((0, 2, 3), unbiased=True) for f in features]).mean(0)
    torch.testing.assert_close(layer.running_var, variance)
    assert not network.training
    assert layer.momentum == 0.1
