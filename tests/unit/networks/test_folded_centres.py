import pytest
import torch

from adaptoscope.networks.centres_network import CentresNetwork
from adaptoscope.networks.folded_centres import FoldedCentresNetwork


@pytest.fixture
def network():
    torch.manual_seed(0)
    made = CentresNetwork((4, 6, 8, 10))
    made.density.weight.data.normal_(std=2.0)
    made.density.bias.data.zero_()
    for _ in range(3):
        # The running averages have to differ from those of a new network.
        made(2 * torch.rand(2, 1, 64, 64) - 0.3)
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_()
    return made.eval()


@pytest.mark.parametrize("shape", [(16, 16), (48, 80), (16, 160)])
def test_the_folded_network_is_the_same_function(network, shape):
    images = torch.rand(2, 1, *shape)

    with torch.inference_mode():
        expected, found = network(images), FoldedCentresNetwork(network)(images)

    assert found.shape == expected.shape
    assert expected.std() > 1e-3
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


def test_the_network_itself_stays_as_it_was(network):
    before = {name: value.clone() for name, value in network.state_dict().items()}

    folded = FoldedCentresNetwork(network)

    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
    assert not list(folded.parameters())


def test_a_network_that_still_learns_is_not_folded(network):
    with pytest.raises(AssertionError, match="fixed"):
        FoldedCentresNetwork(network.train())
