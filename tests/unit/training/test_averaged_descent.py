"""The optimiser step of networks for many microscopes, against the same steps written out."""

import copy

import torch
from torch import nn

from adaptoscope.training.averaged_descent import AveragedDescent
from adaptoscope.training.schedule import learning_rate_at

STEPS, PEAK, WARM_UP = 20, 0.05, 5


def _loss(network: nn.Module, index: int) -> torch.Tensor:
    inputs = torch.randn(8, 3, generator=torch.Generator().manual_seed(index))
    return (network(inputs) - inputs.sum(1, keepdim=True)).square().mean() * 100


def test_steps_are_adamw_with_clipped_gradients_and_a_schedule() -> None:
    torch.manual_seed(0)
    network = nn.Linear(3, 1)
    followed = copy.deepcopy(network)
    descent = AveragedDescent(network, steps=STEPS, learning_rate=PEAK, warm_up=WARM_UP)
    reference = torch.optim.AdamW(followed.parameters(), PEAK, weight_decay=0.02)
    for index in range(STEPS):
        descent.descend(_loss(network, index), index)
        reference.zero_grad()
        _loss(followed, index).backward()
        gradients = [parameter.grad for parameter in followed.parameters()]
        length = torch.sqrt(sum(each.square().sum() for each in gradients if each is not None))
        assert length > 1
        for each in gradients:
            assert each is not None
            each.mul_(1 / length)
        reference.param_groups[0]["lr"] = learning_rate_at(index, STEPS, PEAK, WARM_UP)
        reference.step()
    for ours, theirs in zip(network.parameters(), followed.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_the_average_follows_and_comes_back_from_a_checkpoint() -> None:
    torch.manual_seed(0)
    network = nn.Linear(3, 1)
    first = network.weight.detach().clone()
    descent = AveragedDescent(network, steps=STEPS, learning_rate=PEAK, warm_up=WARM_UP)
    for index in range(10):
        descent.descend(_loss(network, index), index)
    averaged = descent.average.module
    assert isinstance(averaged, nn.Linear)
    behind = (averaged.weight - first).norm()
    assert 0 < behind < (network.weight - first).norm()
    kept = copy.deepcopy({name: part.state_dict() for name, part in descent.state.items()})
    again = AveragedDescent(nn.Linear(3, 1), steps=STEPS, learning_rate=PEAK, warm_up=WARM_UP)
    for name, part in again.state.items():
        part.load_state_dict(kept[name])
    for each in (descent, again):
        each.descend(_loss(each.network, 10), 10)
    for ours, theirs in zip(
        descent.average.module.parameters(), again.average.module.parameters(), strict=True
    ):
        assert torch.equal(ours, theirs)
    assert descent.average.updates == again.average.updates == 11
