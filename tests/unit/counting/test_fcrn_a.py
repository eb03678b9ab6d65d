"""The network of Xie, Noble and Zisserman (2018)."""

import torch

from adaptoscope.counting.fcrn_a import FcrnA
from adaptoscope.networks.geometry import FCRN_A

REACH = FCRN_A.reach


def test_it_has_as_many_weights_as_it_says_and_a_density_at_full_size():
    network = FcrnA().eval()

    assert round(sum(each.numel() for each in network.parameters()) / 1e6, 1) == 1.4
    with torch.no_grad():
        assert network(torch.rand(2, 1, 32, 48)).shape == (2, 1, 32, 48)


def test_no_pixel_beyond_the_reach_changes_a_place():
    torch.manual_seed(0)
    network = FcrnA().eval()
    image = torch.rand(1, 1, 8, 2 * REACH + 16)
    other = image.clone()
    other[..., REACH + 8 :] = torch.rand(1, 1, 8, REACH + 8)

    with torch.no_grad():
        same = (network(image) == network(other)).all(dim=2)[0, 0]

    assert same[:8].all()
    assert not same.all()
