import dataclasses

import numpy as np
import pytest
import torch
from scipy import ndimage

from adaptoscope.errors import InputError
from adaptoscope.style_transfer.backbones.compact.network import CompactBackbone
from adaptoscope.style_transfer.diffusion.adain import latent_statistics
from adaptoscope.style_transfer.intensity_range import BackboneRange
from adaptoscope.style_transfer.preprocessing import as_batch
from adaptoscope.style_transfer.settings import StylisationSettings
from adaptoscope.style_transfer.style_image_choice import choose_style_image
from adaptoscope.style_transfer.stylise import (
    Drawing,
    stylise_batch,
)
from tests.unit.style_transfer.conftest import ODD_SHAPE, draw_discs
from tests.unit.style_transfer.test_style_file import made_up_style

QUICK = StylisationSettings(steps=4, batch=3)
STYLE = made_up_style((100.0, 300.0, 500.0, 700.0, 900.0, 5000.0, 9000.0))


def drawings(count: int) -> list[Drawing]:
    made = []
    for index in range(count):
        rng = np.random.default_rng(index)
        pixels, mask = draw_discs(ODD_SHAPE, rng.uniform(8, 60, (4, 2)))
        made.append(Drawing(f"{index}.png", pixels, mask, 400.0))
    return made


def test_the_output_keeps_the_size_and_lies_in_the_range_of_the_style(
    backbone: CompactBackbone,
) -> None:
    (result,) = stylise_batch(drawings(1), STYLE, backbone, QUICK)
    assert result.pixels.shape == ODD_SHAPE
    assert result.pixels.dtype == np.float32
    assert (result.pixels >= 0).all()
    assert (result.pixels <= 1).all()


def test_a_result_does_not_depend_on_its_batch(backbone: CompactBackbone) -> None:
    a, b, c = drawings(3)
    together = stylise_batch([a, b, c], STYLE, backbone, QUICK)
    turned = stylise_batch([c, a], STYLE, backbone, QUICK)
    (alone,) = stylise_batch([a], STYLE, backbone, QUICK)
    np.testing.assert_array_equal(together[0].pixels, alone.pixels)
    np.testing.assert_array_equal(together[0].pixels, turned[1].pixels)
    np.testing.assert_array_equal(together[2].pixels, turned[0].pixels)


def test_another_batch_size_changes_next_to_nothing(backbone: CompactBackbone) -> None:
    (one,) = stylise_batch(drawings(1), STYLE, backbone, QUICK)
    (other,) = stylise_batch(drawings(1), STYLE, backbone, QUICK.changed(batch=1))
    difference = np.abs(np.rint(255 * one.pixels) - np.rint(255 * other.pixels))
    assert np.mean(difference <= 1) >= 0.999


def test_seed_and_name_decide_the_randomness(backbone: CompactBackbone) -> None:
    (drawing,) = drawings(1)
    (first,) = stylise_batch([drawing], STYLE, backbone, QUICK)
    (other_seed,) = stylise_batch([drawing], STYLE, backbone, QUICK.changed(seed=1))
    renamed = dataclasses.replace(drawing, name="renamed.png")
    (other_name,) = stylise_batch([renamed], STYLE, backbone, QUICK)
    assert not np.array_equal(first.pixels, other_seed.pixels)
    assert not np.array_equal(first.pixels, other_name.pixels)


@pytest.mark.parametrize("inversion", ["stochastic", "sdedit", "ddim", "none"])
def test_the_number_of_evaluations(
    backbone: CompactBackbone, inversion: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    predict = backbone.predict_noise

    def counted(latents: torch.Tensor, timestep: int, *rest: torch.Tensor | None) -> torch.Tensor:
        asked.append(timestep)
        return predict(latents, timestep, *rest)

    monkeypatch.setattr(backbone, "predict_noise", counted)
    stylise_batch(drawings(1), STYLE, backbone, StylisationSettings(inversion=inversion, batch=1))
    assert len(asked) == {"stochastic": 36, "sdedit": 35, "ddim": 70, "none": 0}[inversion]
    if asked:
        assert (asked[0], asked[-1]) == (0 if inversion == "ddim" else 681, 1)


def test_guidance_evaluates_twice_a_step(
    backbone: CompactBackbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    unconditional: list[bool] = []
    predict = backbone.predict_noise

    def counted(
        latents: torch.Tensor, timestep: int, tokens: torch.Tensor | None, layout: torch.Tensor
    ) -> torch.Tensor:
        unconditional.append(tokens is None)
        return predict(latents, timestep, tokens, layout)

    monkeypatch.setattr(backbone, "predict_noise", counted)
    stylise_batch(drawings(1), STYLE, backbone, StylisationSettings(guidance=2.0, batch=1))
    assert len(unconditional) == 71
    assert sum(unconditional) == 35


def test_few_steps_of_the_other_sampler(
    backbone: CompactBackbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    predict = backbone.predict_noise

    def counted(latents: torch.Tensor, timestep: int, *rest: torch.Tensor | None) -> torch.Tensor:
        asked.append(timestep)
        return predict(latents, timestep, *rest)

    monkeypatch.setattr(backbone, "predict_noise", counted)
    few = StylisationSettings(sampler="dpm_solver", steps=20, batch=1)
    stylise_batch(drawings(1), STYLE, backbone, few)
    assert len(asked) == 15


def test_strength_zero_without_adain_is_the_round_trip(backbone: CompactBackbone) -> None:
    (drawing,) = drawings(1)
    plain = QUICK.changed(glow=False, residual=False, strength=0.0, adain="none")
    (result,) = stylise_batch([drawing], STYLE, backbone, plain)
    seen = BackboneRange.of_cells(drawing.pixels, drawing.mask).to_model(drawing.pixels)
    rebuilt = backbone.decode(backbone.encode(as_batch([seen], backbone.multiple)))[0, 0]
    expected = BackboneRange(0.01, 0.3).from_model(rebuilt[: ODD_SHAPE[0], : ODD_SHAPE[1]].numpy())
    np.testing.assert_allclose(result.pixels, expected, atol=1e-5)


def test_without_a_mask_the_statistics_are_those_of_the_whole_image(
    backbone: CompactBackbone,
) -> None:
    (drawing,) = drawings(1)
    bare = dataclasses.replace(drawing, mask=None)
    quick = QUICK.changed(strength=0.0, residual=False)
    (regions,) = stylise_batch([bare], STYLE, backbone, quick)
    (whole,) = stylise_batch([bare], STYLE, backbone, quick.changed(adain="whole"))
    (masked,) = stylise_batch([drawing], STYLE, backbone, quick)
    np.testing.assert_array_equal(regions.pixels, whole.pixels)
    assert not np.array_equal(masked.pixels, whole.pixels)


@pytest.mark.parametrize("after", [True, False])
def test_what_is_decoded_has_the_statistics_of_the_style(
    backbone: CompactBackbone, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    decoded: list[torch.Tensor] = []
    decode = backbone.decode

    def seen(latents: torch.Tensor) -> torch.Tensor:
        decoded.append(latents)
        return decode(latents)

    monkeypatch.setattr(backbone, "decode", seen)
    bare = dataclasses.replace(drawings(1)[0], mask=None)
    quick = QUICK.changed(batch=1, adain_after=after)
    (result,) = stylise_batch([bare], STYLE, backbone, quick)
    mean, sd = latent_statistics(decoded[0])
    reference = int(result.style_image.removesuffix(".png"))
    expected = STYLE.latent_mean[reference], STYLE.latent_sd[reference]
    alike = torch.allclose(mean[0], expected[0], atol=1e-3) and torch.allclose(
        sd[0], expected[1], rtol=1e-3
    )
    assert alike == after


def test_style_images_without_cells_are_no_reference_for_regions(
    backbone: CompactBackbone,
) -> None:
    images = tuple(
        dataclasses.replace(image, cell_cover=0.1 if index == 6 else 0.0)
        for index, image in enumerate(STYLE.facts.images)
    )
    style = dataclasses.replace(STYLE, facts=dataclasses.replace(STYLE.facts, images=images))
    results = stylise_batch(drawings(3), style, backbone, QUICK)
    assert {result.style_image for result in results} == {"6.png"}
    bare = dataclasses.replace(style.facts, images=images[:6])
    with pytest.raises(InputError, match="No cell was seen"):
        stylise_batch(drawings(1), dataclasses.replace(style, facts=bare), backbone, QUICK)


def test_strength_zero_runs_no_step(backbone: CompactBackbone) -> None:
    plain = QUICK.changed(residual=False)
    (zero,) = stylise_batch(drawings(1), STYLE, backbone, plain.changed(strength=0.0))
    (none,) = stylise_batch(drawings(1), STYLE, backbone, plain.changed(inversion="none"))
    np.testing.assert_array_equal(zero.pixels, none.pixels)


def test_the_reference_is_one_of_the_five_nearest_in_density() -> None:
    chosen = {
        choose_style_image(STYLE, 100.0, "nearest_density", np.random.default_rng(seed))
        for seed in range(60)
    }
    assert chosen == {0, 1, 2, 3, 4}
    every = {choose_style_image(STYLE, 100.0, "any", np.random.default_rng(s)) for s in range(99)}
    assert every == set(range(7))


def test_a_drawing_takes_the_tokens_of_one_class() -> None:
    names = ("low", "low", "low", "high", "high", "high", "high")
    images = tuple(
        dataclasses.replace(image, density_class=name)
        for image, name in zip(STYLE.facts.images, names, strict=True)
    )
    style = dataclasses.replace(STYLE, facts=dataclasses.replace(STYLE.facts, images=images))
    for density, expected in ((100.0, {0, 1, 2}), (560.0, {0, 1, 2}), (640.0, {3, 4, 5, 6})):
        chosen = {
            choose_style_image(style, density, "nearest_density", np.random.default_rng(seed))
            for seed in range(60)
        }
        assert chosen == expected


def test_glow_is_added_to_what_was_decoded(
    backbone: CompactBackbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    (drawing,) = drawings(1)
    assert drawing.mask is not None
    # An untrained backbone shows no cells: what is decoded is the mask itself.
    shown = torch.zeros(1, 1, *(-(-side // 32) * 32 for side in drawing.mask.shape))
    shown[0, 0, : drawing.mask.shape[0], : drawing.mask.shape[1]] = torch.from_numpy(
        drawing.mask > 0
    )
    monkeypatch.setattr(backbone, "decode", lambda _: shown.float())
    plain = QUICK.changed(glow=False, residual=False)
    (without,) = stylise_batch([drawing], STYLE, backbone, plain)
    (lit,) = stylise_batch([drawing], STYLE, backbone, plain.changed(glow=True))
    more = lit.pixels - without.pixels
    assert (more >= 0).all()
    assert more[drawing.mask == 0].mean() > 0.002
    away = ndimage.distance_transform_edt(drawing.mask == 0)
    assert more[(away > 0) & (away < 3)].mean() > 3 * more[away > 15].mean()
