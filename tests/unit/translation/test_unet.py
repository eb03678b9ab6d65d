import pytest
import torch

from adaptoscope.translation.layers import LAYERS
from adaptoscope.translation.patch_discriminator import PatchDiscriminator, bce_fake, bce_real
from adaptoscope.translation.unet import StainUNet, channels_of, side_of

SIZES_OF_PAPER = {1: 512, 2: 256, 3: 128, 4: 64, 5: 32, 6: 16, 7: 8, 8: 4, 9: 8, 10: 16, 11: 32}
SIZES_OF_PAPER |= {12: 64, 13: 128, 14: 256, 15: 512, 16: 1024}
CHANNELS_OF_PAPER = (64, 128, 256, 512, 512, 512, 512, 512, 512, 512, 512, 512, 256, 128, 64, 1)
NARROW = 2


def parameters(network: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def test_the_network_has_as_many_parameters_as_the_published_one() -> None:
    # unet_256 of the public pix2pix code, 3 channels in and out, batch normalisation.
    assert parameters(StainUNet(3, 64, norm="batch", given=3)) == 54_413_955
    assert parameters(PatchDiscriminator(6, 64, norm="batch")) == 2_768_705


def test_layers_give_the_shapes_of_the_paper() -> None:
    assert channels_of(64, 1) == CHANNELS_OF_PAPER
    assert {layer: side_of(layer, 1024) for layer in range(1, LAYERS + 1)} == SIZES_OF_PAPER


@pytest.mark.parametrize("layer", range(1, LAYERS + 1))
@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_stopping_at_a_layer_and_going_on_is_the_whole_network(layer: int, norm: str) -> None:
    torch.manual_seed(0)
    network = StainUNet(2, NARROW, norm=norm, dropout="intermediate").eval()
    images = torch.randn(2, 1, 256, 256)
    with torch.no_grad():
        whole = network(images)
        crossing = network.forward_to(images, layer)
        assert crossing.features.shape[1:] == (
            channels_of(NARROW, 2)[layer - 1],
            side_of(layer, 256),
            side_of(layer, 256),
        )
        torch.testing.assert_close(network.forward_from(crossing), whole, rtol=0, atol=0)
        halfway = network.forward_on(network.forward_to(images, 1), layer)
        torch.testing.assert_close(halfway.features, crossing.features, rtol=0, atol=0)
        assert sorted(halfway.skips) == sorted(crossing.skips)


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


def test_patches_are_judged_by_logits_and_cross_entropy() -> None:
    judge = PatchDiscriminator(2, NARROW)
    logits = judge(torch.zeros(1, 1, 1024, 1024), torch.zeros(1, 1, 1024, 1024))
    assert logits.shape == (1, 1, 126, 126)
    some = torch.tensor([-1.0, 0.5, 3.0])
    ones, zeros = torch.ones(3), torch.zeros(3)
    entropy = torch.nn.functional.binary_cross_entropy_with_logits
    torch.testing.assert_close(bce_real(some), entropy(some, ones))
    torch.testing.assert_close(bce_fake(some), entropy(some, zeros))
