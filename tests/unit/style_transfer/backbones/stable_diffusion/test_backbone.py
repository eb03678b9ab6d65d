import pytest
import torch

from adaptoscope.errors import InputError, SettingsError
from adaptoscope.style_transfer.backbones.protocol import Reading
from adaptoscope.style_transfer.backbones.stable_diffusion.backbone import (
    LATENT_SCALE,
    StableDiffusionBackbone,
)
from adaptoscope.style_transfer.backbones.stable_diffusion.clip_input import clip_pixels
from adaptoscope.style_transfer.backbones.stable_diffusion.encoder_file import give_encoder
from adaptoscope.style_transfer.backbones.stable_diffusion.loading import load_stable_diffusion
from adaptoscope.style_transfer.backbones.stable_diffusion.settings import StableDiffusionSettings
from adaptoscope.style_transfer.backbones.stable_diffusion.style_encoder import (
    EncoderFacts,
    StyleEncoder,
)
from adaptoscope.style_transfer.diffusion.noise_schedule import NoiseSchedule
from adaptoscope.style_transfer.diffusion.sampling import Conditions, noise_and_denoise
from adaptoscope.style_transfer.settings import StylisationSettings
from tests.unit.style_transfer.backbones.stable_diffusion.conftest import (
    CLIP_PATCH,
    CLIP_SIDE,
    WIDTH,
    fields,
    tiny_autoencoder,
)

PATCHES = (CLIP_SIDE // CLIP_PATCH) ** 2


@pytest.fixture(autouse=True)
def no_gradient() -> object:
    with torch.no_grad():
        yield


def test_latents_are_the_scaled_posterior_mean_of_three_equal_channels(
    diffusion: StableDiffusionBackbone,
) -> None:
    pixels = fields(2)
    posterior = diffusion.autoencoder.encode(pixels.repeat(1, 3, 1, 1)).latent_dist
    latents = diffusion.encode(pixels)
    assert latents.shape == (2, 4, 8, 8)
    torch.testing.assert_close(latents, 0.18215 * posterior.mean)
    mean, sd = diffusion.latent_moments(pixels)
    torch.testing.assert_close(mean, latents)
    torch.testing.assert_close(sd, LATENT_SCALE * posterior.std)


def test_images_are_the_mean_of_the_three_channels(diffusion: StableDiffusionBackbone) -> None:
    latents = diffusion.encode(fields(1))
    colours = diffusion.autoencoder.decode(latents / 0.18215).sample
    pixels = diffusion.decode(latents)
    assert pixels.shape == (1, 1, 64, 64)
    torch.testing.assert_close(pixels, colours.mean(1, keepdim=True))


def test_the_autoencoder_is_shown_nothing_beyond_its_range(
    diffusion: StableDiffusionBackbone,
) -> None:
    pixels = fields(1)
    torch.testing.assert_close(
        diffusion.encode(9 * pixels), diffusion.encode((9 * pixels).clamp(-1, 1))
    )


def test_noise_is_predicted_as_the_unet_does_with_the_read_prompt(
    diffusion: StableDiffusionBackbone,
) -> None:
    latents, tokens = diffusion.encode(fields(2)), torch.randn(2, 1, WIDTH)
    states = diffusion.prompt(tokens)
    expected = diffusion.unet(latents, 321, encoder_hidden_states=states).sample
    torch.testing.assert_close(diffusion.predict_noise(latents, 321, tokens, None), expected)
    each = torch.tensor([321, 321])
    torch.testing.assert_close(diffusion.predict_noise(latents, each, tokens, None), expected)


def test_without_tokens_the_prompt_is_empty(diffusion: StableDiffusionBackbone) -> None:
    latents = diffusion.encode(fields(2))
    states = diffusion.prompt.empty().expand(2, -1, -1)
    expected = diffusion.unet(latents, 5, encoder_hidden_states=states).sample
    torch.testing.assert_close(diffusion.predict_noise(latents, 5, None, None), expected)


def test_a_layout_is_ignored(diffusion: StableDiffusionBackbone) -> None:
    latents, tokens = diffusion.encode(fields(1)), torch.randn(1, 1, WIDTH)
    layout = torch.rand(1, 9, 8, 8)
    assert torch.equal(
        diffusion.predict_noise(latents, 9, tokens, layout),
        diffusion.predict_noise(latents, 9, tokens, None),
    )


def test_the_prompt_is_read_once_for_the_same_tokens(
    diffusion: StableDiffusionBackbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    reader = type(diffusion.prompt).forward
    monkeypatch.setattr(type(diffusion.prompt), "forward", lambda *a: read.append(1) or reader(*a))
    tokens = torch.randn(2, 1, WIDTH)
    first = diffusion.prompt_states(tokens)
    assert diffusion.prompt_states(tokens.clone()) is first
    assert len(read) == 1
    tokens += 1
    assert not torch.equal(diffusion.prompt_states(tokens), first)
    assert len(read) == 2


def test_clip_returns_unit_vectors_with_the_pooled_one_first(
    diffusion: StableDiffusionBackbone,
) -> None:
    pixels = fields(2)
    pooled = diffusion.clip_views(pixels, patches=False)
    views = diffusion.clip_views(pixels, patches=True)
    assert pooled.shape == (2, 1, WIDTH)
    assert views.shape == (2, PATCHES + 1, WIDTH)
    torch.testing.assert_close(views[:, :1], pooled)
    torch.testing.assert_close(views.norm(dim=-1), torch.ones(2, PATCHES + 1))


def test_the_pooled_vector_is_clips_normalised_image_embedding(
    diffusion: StableDiffusionBackbone,
) -> None:
    pixels = fields(2)
    seen = clip_pixels(pixels, CLIP_SIDE, clip_input="correct", fit="squash")
    embeds = diffusion.image_tower(seen).image_embeds
    expected = embeds / embeds.norm(dim=-1, keepdim=True)
    torch.testing.assert_close(diffusion.clip_views(pixels, patches=False)[:, 0], expected)


def test_the_legacy_input_hides_what_is_in_the_image(diffusion: StableDiffusionBackbone) -> None:
    pixels = 0.9 * fields(2)
    first, second = diffusion.clip_views(pixels, patches=False, clip_input="legacy_uint8")
    torch.testing.assert_close(first, second)
    first, second = diffusion.clip_views(pixels, patches=False)
    assert not torch.allclose(first, second)


def test_a_style_is_read_by_the_encoder_that_was_learnt(
    diffusion: StableDiffusionBackbone,
) -> None:
    for ask in (lambda: diffusion.embed_style(fields(1)), diffusion.reading):
        with pytest.raises(InputError) as caught:
            ask()
        assert "--backbone compact" in caught.value.remedy
    facts = EncoderFacts("encoder", "correct", "squash", "*", "made for a test")
    give_encoder(diffusion, StyleEncoder(WIDTH).eval(), facts)
    assert diffusion.reading() == Reading("encoder", "correct")
    views = diffusion.clip_views(fields(2), patches=False)
    torch.testing.assert_close(diffusion.embed_style(fields(2)), diffusion.style_encoder(views))


def test_without_an_image_tower_everything_but_clip_works(
    settings: StableDiffusionSettings,
) -> None:
    backbone = load_stable_diffusion(settings.changed(clip=""))
    noise = backbone.predict_noise(backbone.encode(fields(1)), 7, torch.ones(1, 1, WIDTH), None)
    assert torch.isfinite(noise).all()
    with pytest.raises(SettingsError, match="token_mode: direct"):
        backbone.clip_views(fields(1), patches=False)


def test_parts_of_another_model_are_refused(
    diffusion: StableDiffusionBackbone, settings: StableDiffusionSettings
) -> None:
    other = tiny_autoencoder()
    other.register_to_config(latent_channels=16)
    with pytest.raises(SettingsError, match="16 channels"):
        StableDiffusionBackbone(diffusion.unet, other, diffusion.prompt, settings)


def test_the_schedule_is_that_of_stable_diffusion(diffusion: StableDiffusionBackbone) -> None:
    golden = {1: 0.9983, 21: 0.98038, 401: 0.42288, 500: 0.27633, 681: 0.09464, 999: 0.00466}
    for step, value in golden.items():
        assert diffusion.schedule.alpha_bar[step] == pytest.approx(value, abs=6e-5)
    assert (diffusion.schedule.alpha_bar == NoiseSchedule().alpha_bar).all()


@pytest.mark.parametrize("inversion", ["stochastic", "sdedit", "ddim"])
def test_a_result_does_not_depend_on_the_batch(
    diffusion: StableDiffusionBackbone, inversion: str
) -> None:
    settings = StylisationSettings(steps=4, guidance=3.0, inversion=inversion)
    latents, noise = diffusion.encode(fields(3)), torch.randn(3, 4, 8, 8)
    tokens = torch.randn(3, 1, WIDTH)
    together = noise_and_denoise(latents, noise, Conditions(tokens, None), diffusion, settings)
    alone = [
        noise_and_denoise(
            latents[[row]], noise[[row]], Conditions(tokens[[row]], None), diffusion, settings
        )
        for row in (2, 0)
    ]
    torch.testing.assert_close(together[[2, 0]], torch.cat(alone), atol=1e-4, rtol=1e-4)


def test_one_image_at_strength_07_costs_the_evaluations_of_the_paper(
    diffusion: StableDiffusionBackbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def count(latents: torch.Tensor, timestep: int, *conditions: object) -> torch.Tensor:
        asked.append(timestep)
        return torch.zeros_like(latents)

    monkeypatch.setattr(diffusion, "predict_noise", count)
    settings = StylisationSettings(steps=50, strength=0.7, guidance=10.0)
    conditions = Conditions(torch.randn(1, 1, WIDTH), None)
    latents = diffusion.encode(fields(1))
    noise_and_denoise(latents, torch.randn_like(latents), conditions, diffusion, settings)
    assert len(asked) == 71
    assert asked[0] == asked[1] == 681
    assert asked[-1] == 1


def test_strength_0_returns_the_round_trip_and_1_is_legal(
    diffusion: StableDiffusionBackbone,
) -> None:
    latents = diffusion.encode(fields(1))
    conditions = Conditions(torch.randn(1, 1, WIDTH), None)
    noise = torch.randn_like(latents)
    none, all_ = (
        noise_and_denoise(
            latents, noise, conditions, diffusion, StylisationSettings(steps=2, strength=strength)
        )
        for strength in (0.0, 1.0)
    )
    assert torch.equal(none, latents)
    assert torch.isfinite(all_).all()
