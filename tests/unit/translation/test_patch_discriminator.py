import pytest
import torch

from adaptoscope.translation.patch_discriminator import PatchDiscriminator, bce_fake, bce_real

NARROW = 4


def pixels_seen(discriminator: PatchDiscriminator, side: int, place: int) -> tuple[int, int]:
    """Return the first and the last row that a logit in the middle of a row depends on."""
    pair = torch.randn(1, 2, side, side, requires_grad=True)
    logits = discriminator(pair[:, :1], pair[:, 1:])
    logits[0, 0, place, logits.shape[-1] // 2].backward()
    assert pair.grad is not None
    rows = pair.grad.abs().sum((0, 1, 3)).nonzero().flatten()
    return int(rows[0]), int(rows[-1])


def test_a_logit_sees_a_patch_of_70_pixels() -> None:
    torch.manual_seed(0)
    # Instance normalisation would mix all places; finished batch normalisation is pointwise.
    discriminator = PatchDiscriminator(2, NARROW, norm="batch").eval()
    first, last = pixels_seen(discriminator, 256, 15)
    assert last - first + 1 == 70
    assert pixels_seen(discriminator, 256, 16) == (first + 8, last + 8)


def test_it_has_as_many_weights_as_the_published_one() -> None:
    # NLayerDiscriminator of the public pix2pix code, 3 channels in and out, batch normalisation.
    published = PatchDiscriminator(6, 64, norm="batch")
    assert sum(weight.numel() for weight in published.parameters()) == 2_768_705


@pytest.mark.parametrize(("side", "logits"), [(1024, 126), (256, 30), (64, 6)])
def test_there_is_a_logit_for_every_eighth_pixel_but_the_rim(side: int, logits: int) -> None:
    with torch.device("meta"):
        found = PatchDiscriminator(3, 64)(
            torch.empty(2, 1, side, side), torch.empty(2, 2, side, side)
        )
    assert found.shape == (2, 1, logits, logits)


def test_image_and_stain_are_judged_together() -> None:
    torch.manual_seed(1)
    discriminator = PatchDiscriminator(2, NARROW)
    image, stain = torch.randn(2, 1, 1, 64, 64)
    with torch.no_grad():
        before = discriminator(image, stain)
        assert not torch.allclose(discriminator(stain, image), before)
        assert not torch.allclose(discriminator(image, stain.flip(-1)), before)


def test_the_losses_are_cross_entropies_of_logits() -> None:
    some = torch.tensor([-1.0, 0.5, 3.0])
    entropy = torch.nn.functional.binary_cross_entropy_with_logits
    torch.testing.assert_close(bce_real(some), entropy(some, torch.ones(3)))
    torch.testing.assert_close(bce_fake(some), entropy(some, torch.zeros(3)))
    # Of a discriminator that is sure and wrong, the loss still has a slope.
    sure = torch.tensor([-200.0], requires_grad=True)
    bce_real(sure).backward()
    assert sure.grad is not None
    assert float(sure.grad) == pytest.approx(-1)
