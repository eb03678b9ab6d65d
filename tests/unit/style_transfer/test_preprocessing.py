import numpy as np
import pytest
import torch

from adaptoscope.errors import SettingsError
from adaptoscope.style_transfer.backbones.compact.network import CompactBackbone
from adaptoscope.style_transfer.backbones.stable_diffusion.backbone import StableDiffusionBackbone
from adaptoscope.style_transfer.preprocessing import (
    encode_images,
    intensity_range_of,
    refuse_other_preprocessing,
    refuse_unsupported,
    resize_image,
    resize_labels,
    resize_to_working_side,
)
from adaptoscope.style_transfer.settings import USUAL, Preprocessing
from tests.unit.style_transfer.backbones.test_tiled import PointwiseMoments
from tests.unit.style_transfer.conftest import draw_discs
from tests.unit.style_transfer.test_style_file import made_up_style

STORED = Preprocessing(intensities="stored")
SAMPLED = Preprocessing(posterior="sample")
CENTRES = np.array([(20.0, 24.0), (44.0, 50.0)])


def noisy_field() -> tuple[np.ndarray, np.ndarray]:
    pixels, mask = draw_discs((64, 80), CENTRES, 9.0)
    noise = np.random.default_rng(0).normal(0, 0.02, pixels.shape)
    return (pixels + noise).astype(np.float32), mask


def test_stretched_images_lose_the_brightest_cell_pixels_and_stored_ones_none() -> None:
    pixels, mask = noisy_field()
    beyond = {
        how.intensities: float(
            (intensity_range_of(pixels, mask, how).to_model(pixels) > 1)[mask > 0].mean()
        )
        for how in (USUAL, STORED)
    }
    assert beyond["stretched"] == pytest.approx(0.05, abs=0.01)
    assert beyond["stored"] == 0


def test_stored_intensities_are_twice_the_share_of_the_range_less_one() -> None:
    pixels, mask = noisy_field()
    for known in (mask, None, np.zeros_like(mask)):
        span = intensity_range_of(pixels, known, STORED)
        np.testing.assert_allclose(span.to_model(pixels), 2 * pixels - 1, atol=1e-6)
        np.testing.assert_allclose(span.from_model(2 * pixels - 1), pixels, atol=1e-6)


def test_images_are_worked_on_at_a_square_size_and_come_back() -> None:
    smooth, mask = noisy_field()
    smooth = resize_image(smooth[::8, ::8].copy(), (64, 80))
    how = Preprocessing(working_side=256)
    large, labels = resize_to_working_side(smooth, how), resize_labels(mask, how)
    assert large.shape == labels.shape == (256, 256)
    np.testing.assert_allclose(resize_image(large, smooth.shape), smooth, atol=0.02)
    assert set(np.unique(labels)) == {0, 1, 2}
    for number, (row, column) in enumerate(CENTRES, start=1):
        rows, columns = np.nonzero(labels == number)
        assert rows.mean() == pytest.approx((row + 0.5) * 4 - 0.5, abs=1)
        assert columns.mean() == pytest.approx((column + 0.5) * 3.2 - 0.5, abs=1)


def test_without_a_working_side_nothing_is_touched() -> None:
    pixels, mask = noisy_field()
    assert resize_to_working_side(pixels, USUAL) is pixels
    assert resize_labels(mask, USUAL) is mask
    assert resize_image(pixels, pixels.shape) is pixels


def test_a_sample_is_drawn_by_the_image_s_own_generator() -> None:
    model, pixels = PointwiseMoments(), torch.rand(3, 1, 64, 64)
    mean, spread = model.latent_moments(pixels)
    drawn = encode_images(model, pixels, SAMPLED, [np.random.default_rng(n) for n in range(3)])
    for row in range(3):
        noise = np.random.default_rng(row).standard_normal(mean.shape[1:], dtype=np.float32)
        expected = mean[row] + spread[row] * torch.from_numpy(noise)
        torch.testing.assert_close(drawn[row], expected)
        alone = encode_images(model, pixels[[row]], SAMPLED, [np.random.default_rng(row)])
        torch.testing.assert_close(alone[0], drawn[row], rtol=0, atol=0)


def test_the_mean_draws_no_number() -> None:
    model, generator = PointwiseMoments(), np.random.default_rng(0)
    pixels = torch.rand(1, 1, 64, 64)
    torch.testing.assert_close(
        encode_images(model, pixels, USUAL, [generator]), model.encode(pixels), rtol=0, atol=0
    )
    assert generator.random() == np.random.default_rng(0).random()


@pytest.mark.parametrize(("how", "name"), [(STORED, "intensities"), (SAMPLED, "posterior")])
def test_compact_says_what_it_cannot_do(
    backbone: CompactBackbone, how: Preprocessing, name: str
) -> None:
    for each in (backbone, CompactBackbone):
        with pytest.raises(SettingsError, match=f"compact cannot work with `{name}") as caught:
            refuse_unsupported(each, how)
        assert "Stable Diffusion" in caught.value.remedy
    refuse_unsupported(StableDiffusionBackbone, how)
    refuse_unsupported(backbone, Preprocessing(working_side=128))


def test_all_that_a_backbone_cannot_do_is_said_at_once(backbone: CompactBackbone) -> None:
    with pytest.raises(SettingsError) as caught:
        refuse_unsupported(backbone, Preprocessing(intensities="stored", posterior="sample"))

    assert "`intensities: stored`, `posterior: sample`" in caught.value.found
    assert "leave `intensities` and `posterior` out" in caught.value.remedy


def test_drawings_are_shown_as_the_style_images_were() -> None:
    facts = made_up_style().facts
    refuse_other_preprocessing(facts, USUAL)
    with pytest.raises(SettingsError) as caught:
        refuse_other_preprocessing(facts, Preprocessing(working_side=512, posterior="sample"))
    assert caught.value.expected == "`working_side: None`, `posterior: mean`"
    assert caught.value.found == "`working_side: 512`, `posterior: sample`"
