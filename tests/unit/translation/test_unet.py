import pytest
import torch

from adaptoscope.translation.layers import DOWNS, LAYERS
from adaptoscope.translation.split_at_layer import SplitState
from adaptoscope.translation.unet import BorrowedSkipsUNet, StainUNet

SIZES_OF_PAPER = {1: 512, 2: 256, 3: 128, 4: 64, 5: 32, 6: 16, 7: 8, 8: 4, 9: 8, 10: 16, 11: 32}
SIZES_OF_PAPER |= {12: 64, 13: 128, 14: 256, 15: 512, 16: 1024}
CHANNELS_OF_PAPER = (64, 128, 256, 512, 512, 512, 512, 512, 512, 512, 512, 512, 256, 128, 64, 1)
NARROW = 2


def parameters(network: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def test_the_network_has_as_many_parameters_as_the_published_one() -> None:
    # unet_256 of the public pix2pix code, 3 channels in and out, batch normalisation.
    assert parameters(StainUNet(3, 64, norm="batch", given=3)) == 54_413_955


@pytest.mark.parametrize("layer", range(1, LAYERS + 1))
def test_layers_give_the_shapes_of_the_paper(layer: int) -> None:
    with torch.device("meta"):
        state = StainUNet(1, 64).forward_to(torch.empty(1, 1, 1024, 1024), layer)
    side = SIZES_OF_PAPER[layer]
    assert state.features.shape == (1, CHANNELS_OF_PAPER[layer - 1], side, side)
    for number, skip in state.skips.items():
        assert skip.shape[-1] == SIZES_OF_PAPER[number]


@pytest.mark.parametrize("layer", range(1, LAYERS + 1))
@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_stopping_at_a_layer_and_going_on_is_the_whole_network(layer: int, norm: str) -> None:
    torch.manual_seed(0)
    network = StainUNet(2, NARROW, norm=norm, dropout="intermediate").eval()
    images = torch.randn(2, 1, 256, 256)
    with torch.no_grad():
        whole = network(images)
        state = network.forward_to(images, layer)
        end = network.forward_on(state, LAYERS)
        torch.testing.assert_close(end.features, whole, rtol=0, atol=0)
        assert not end.skips
        halfway = network.forward_on(network.forward_to(images, 1), layer)
        torch.testing.assert_close(halfway.features, state.features, rtol=0, atol=0)
        assert sorted(halfway.skips) == sorted(state.skips)


@pytest.mark.parametrize(
    ("layer", "skips"),
    [(1, 0), (2, 1), (5, 4), (8, 7), (9, 7), (10, 6), (13, 3), (15, 1), (16, 0)],
)
def test_only_the_first_and_the_last_layer_cut_the_network_through(layer: int, skips: int) -> None:
    network = StainUNet(1, NARROW)
    assert sorted(network.forward_to(torch.zeros(1, 1, 256, 256), layer).skips) == [
        *range(1, skips + 1)
    ]


def by_hand(network: StainUNet, images: torch.Tensor) -> torch.Tensor:
    """Compute the network as the public code nests it, with in-place activations."""
    relu, leaky = torch.nn.ReLU(), torch.nn.LeakyReLU(0.2)
    layers = list(network.layers)

    def block(depth: int, tensor: torch.Tensor) -> torch.Tensor:
        if depth == 7:
            return torch.cat([leaky(tensor), layers[8](relu(layers[7](leaky(tensor))))], 1)
        inner = block(depth + 1, layers[depth](leaky(tensor)))
        return torch.cat([leaky(tensor), layers[15 - depth](relu(inner))], 1)

    return torch.tanh(layers[15](relu(block(1, layers[0](images)))))


def test_the_network_is_that_of_the_public_code() -> None:
    torch.manual_seed(1)
    network = StainUNet(1, NARROW, norm="batch").eval()
    images = torch.randn(1, 1, 256, 256)
    with torch.no_grad():
        torch.testing.assert_close(network(images), by_hand(network, images))


def test_dropout_is_on_in_training_only() -> None:
    torch.manual_seed(2)
    network = StainUNet(1, NARROW, dropout="intermediate")
    images = torch.randn(1, 1, 256, 256)
    with torch.no_grad():
        assert not torch.equal(network.train()(images), network.train()(images))
        assert torch.equal(network.eval()(images), network.eval()(images))


@pytest.mark.parametrize("layer", [3, DOWNS, 12])
def test_the_rest_needs_the_skips_as_much_as_the_layer(layer: int) -> None:
    torch.manual_seed(3)
    network = StainUNet(1, NARROW).eval()
    one, other = torch.randn(2, 1, 1, 256, 256)
    with torch.no_grad():
        state, strange = network.forward_to(one, layer), network.forward_to(other, layer)
        whole = network(one)
        mixed = SplitState(layer, state.features, strange.skips)
        assert not torch.allclose(network.forward_on(mixed, LAYERS).features, whole, atol=1e-3)
        # Going on leaves what was given as it is, so that it can be gone on from again.
        torch.testing.assert_close(network.forward_on(state, LAYERS).features, whole)


@pytest.mark.parametrize("cut", [2, DOWNS, 11])
def test_borrowed_skips_are_those_of_the_lender(cut: int) -> None:
    torch.manual_seed(4)
    own, lender = StainUNet(1, NARROW).eval(), StainUNet(1, NARROW).eval()
    images = torch.randn(1, 1, 256, 256)
    network = BorrowedSkipsUNet(own, lender, cut).eval()
    with torch.no_grad():
        mine, lent = own.forward_to(images, cut), lender.forward_to(images, cut)
        expected = own.forward_on(SplitState(cut, mine.features, lent.skips), LAYERS).features
        torch.testing.assert_close(network(images), expected)
        torch.testing.assert_close(network.forward_to(images, cut).features, mine.features)
        with pytest.raises(ValueError, match="begin with forward_to"):
            network.forward_on(network.forward_to(images, 1), cut + 1)


def test_a_lender_is_a_frozen_copy() -> None:
    own, lender = StainUNet(1, NARROW), StainUNet(1, NARROW)
    network = BorrowedSkipsUNet(own, lender, 3)
    network(torch.randn(1, 1, 256, 256)).mean().backward()
    assert all(weight.grad is None for weight in network.lender.parameters())
    assert all(weight.requires_grad for weight in lender.parameters())
    with torch.no_grad():
        network.layers[0][0].weight.zero_()
    assert own.layers[0][0].weight.abs().sum() > 0
