import pytest
import torch

from adaptoscope.adaptation.discriminators import (
    FeatureDiscriminator,
    gradient_penalty,
    halvings_of,
)
from adaptoscope.translation.layers import DOWNS, LAYERS
from adaptoscope.translation.unet import channels_of

ASKED = 200_000


@pytest.mark.parametrize("side", [256, 512, 1024])
@pytest.mark.parametrize("width", [16, 64])
@pytest.mark.parametrize("layer", range(1, LAYERS + 1))
def test_every_layer_has_a_discriminator_of_about_the_same_size(
    side: int, width: int, layer: int
) -> None:
    channels = channels_of(width, 2)[layer - 1]
    of_map = side >> (layer if layer <= DOWNS else LAYERS - layer)
    judge = FeatureDiscriminator(channels, of_map, ASKED)
    number = sum(weight.numel() for weight in judge.parameters())
    assert 0.9 * ASKED < number < 1.1 * ASKED
    with torch.no_grad():
        logits = judge(torch.zeros(1, channels, of_map, of_map))
    assert logits.shape == (1, 1, *[max(of_map >> halvings_of(of_map), 1)] * 2)


def test_halvings_follow_the_side() -> None:
    assert [halvings_of(side) for side in (1, 4, 8, 16, 31, 32, 64, 512)] == [
        0,
        0,
        0,
        1,
        1,
        2,
        3,
        3,
    ]


def test_the_penalty_is_the_squared_gradient_of_a_logit() -> None:
    # A linear judge of single places: every logit has the gradient of its weights.
    torch.manual_seed(0)
    judge = torch.nn.Conv2d(3, 1, 1)
    features = torch.randn(2, 3, 5, 5, requires_grad=True)
    penalty = gradient_penalty(judge(features), features)
    torch.testing.assert_close(penalty, judge.weight.square().sum() / 2)
    penalty.backward()
    assert judge.weight.grad is not None
    torch.testing.assert_close(judge.weight.grad, judge.weight.detach())
