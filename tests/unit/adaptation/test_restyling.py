import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import fft, ndimage, stats

from adaptoscope.adaptation.restyling import mean_spectrum, measure_restyling, restyle
from adaptoscope.errors import InputError
from adaptoscope.translation.fields import Field


def blobs(seed: int, side: int = 64, size: float = 2.0, noise: float = 0.003) -> np.ndarray:
    """Bright discs on grey with a little noise; their distribution is skewed."""
    rng = np.random.default_rng(seed)
    points = np.zeros((side, side))
    points[tuple(rng.integers(0, side, (2, 12)))] = 1
    smooth = ndimage.gaussian_filter(points, size, mode="reflect")
    return np.asarray(0.3 + 0.5 * smooth / smooth.max() + rng.normal(0, noise, smooth.shape))


def field(pixels: np.ndarray, stains: np.ndarray | None = None) -> Field:
    stored = np.rint(np.clip(pixels, 0, 1) * 65535).astype(np.uint16)
    kept = None if stains is None else np.rint(stains * 65535).astype(np.uint16)
    return Field("a", stored, kept, 16, ())


def many(number: int, first: int = 0, **how: float) -> list[Field]:
    return [field(blobs(first + seed, **how)) for seed in range(number)]


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def test_images_of_the_target_stay_as_they_are() -> None:
    source = many(6)
    how = measure_restyling(source, source)
    assert how.gain == pytest.approx(np.ones_like(how.gain), abs=1e-6)
    for each in source:
        again = restyle(each, how).pixels
        assert np.abs(again - each.pixels).mean() < 0.01
        assert correlation(again, each.pixels) > 0.999


def test_the_gain_is_the_transfer_function_between_both_microscopes() -> None:
    # Other cells seen through a Gaussian blur, whose transfer function is known.
    deviation = 1.5
    source = many(24)
    target = [
        field(ndimage.gaussian_filter(blobs(100 + seed), deviation, mode="reflect"))
        for seed in range(24)
    ]
    how = measure_restyling(source, target)
    expected = np.exp(-2 * (np.pi * how.frequencies * deviation) ** 2)
    low = how.frequencies < 0.12
    assert how.gain[low] == pytest.approx(expected[low], rel=0.3)
    assert how.gain[how.frequencies > 0.3].max() < 0.1
    blurred = ndimage.gaussian_filter(blobs(7), deviation, mode="reflect")
    assert correlation(restyle(field(blobs(7)), how).pixels, blurred) > 0.99


def test_inverted_contrast_turns_bright_into_dark() -> None:
    source = many(6)
    target = [field(1 - blobs(50 + seed)) for seed in range(6)]
    upright = restyle(source[0], measure_restyling(source, target)).pixels
    turned = restyle(source[0], measure_restyling(source, target, contrast="inverted")).pixels
    # A dark tail becomes a bright one, rank by rank.
    assert stats.spearmanr(upright.ravel(), source[0].pixels.ravel()).statistic > 0.6
    assert correlation(turned, source[0].pixels) < -0.95


def test_intensities_are_those_of_the_target() -> None:
    source = many(6)
    target = [field(np.minimum(1.6 * blobs(50 + seed), 0.9)) for seed in range(6)]
    how = measure_restyling(source, target)
    given_ = np.concatenate([restyle(each, how).pixels.ravel() for each in source])
    wanted = np.concatenate([each.pixels.ravel() for each in target])
    shares = [0.01, 0.1, 0.5, 0.9, 0.99]
    assert np.quantile(given_, shares) == pytest.approx(np.quantile(wanted, shares), abs=0.01)
    # Saturated as the target is.
    assert given_.max() == pytest.approx(wanted.max(), abs=1e-3)


def test_stains_are_magnified_with_the_image() -> None:
    image = blobs(3)
    source = [field(image, np.stack([image, image / 2]))]
    how = measure_restyling(source, many(3, 20, size=4.0), scale=2.0)
    moved = restyle(source[0], how)
    assert moved.stains is not None
    assert moved.stains.shape == source[0].stains.shape  # type: ignore[union-attr]
    assert correlation(moved.truth[0], moved.pixels) > 0.7
    assert correlation(source[0].truth[0], moved.pixels) < 0.5
    assert restyle(field(image), how).stains is None


def test_depths_are_kept_apart() -> None:
    given_ = np.rint(blobs(1) * 255).astype(np.uint8)
    source = Field("a", given_, given_[None], 8, ())
    for scale in (1.0, 1.5):
        how = measure_restyling([source], many(2, 9), scale=scale)
        found = restyle(source, how)
        assert (found.given.dtype, found.stains.dtype) == (np.uint16, np.uint8)  # type: ignore[union-attr]


def test_power_of_the_spectrum_is_that_of_the_image() -> None:
    image = blobs(0, 48).astype(np.float32)
    frequencies, power = mean_spectrum([image], "source")
    assert frequencies[0] > 0
    assert frequencies[-1] < 0.5
    # Parseval: white noise of variance 1 has power 1 at every frequency.
    noise = np.random.default_rng(0).standard_normal((256, 256)).astype(np.float32)
    assert mean_spectrum([noise], "source")[1][4:] == pytest.approx(1, rel=0.15)
    assert mean_spectrum([3 * noise], "source")[1] == pytest.approx(
        9 * mean_spectrum([noise], "source")[1], rel=1e-4
    )
    wave = np.cos(np.pi * (np.arange(48) + 0.5) * 12 / 48)[None].repeat(48, 0)
    peak = frequencies[np.argmax(mean_spectrum([wave.astype(np.float32)], "source")[1])]
    assert peak == pytest.approx(12 / 96, abs=0.011)
    assert fft.dctn(wave, norm="ortho")[0, 12] == pytest.approx(np.linalg.norm(wave))
    assert power.min() > 0


@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_noise_of_the_target_is_drawn_anew_beside_that_of_the_source(scale: float) -> None:
    source = [field(blobs(seed, noise=0.02)) for seed in range(24)]
    target = [field(blobs(100 + seed, size=2 * scale, noise=0.04)) for seed in range(24)]
    how = measure_restyling(source, target, scale=scale)
    # Magnified noise is coarser than a pixel, and no noise of the camera any more.
    brought = 0.02 if scale == 1 else 0.0
    assert how.noise == pytest.approx(np.sqrt(0.04**2 - brought**2), rel=0.05)
    assert f"noise of {100 * how.noise:.2g} % of the range added" in how.words
    assert "noise" not in dataclasses.replace(how, noise=1e-6).words

    found = [restyle(each, how).pixels for each in source]
    _, power = mean_spectrum(found, "restyled")
    _, wanted = mean_spectrum([each.pixels for each in target], "target")
    assert power == pytest.approx(wanted, rel=0.5)
    # The histogram, which is matched last, stretches intensities a little once more.
    assert np.median(power / wanted) == pytest.approx(1, rel=0.25)
    assert (restyle(source[0], how).given == restyle(source[0], how).given).all()
    rests = [
        image - ndimage.gaussian_filter(image, 3, mode="reflect") for image in (found[0], found[1])
    ]
    assert abs(correlation(*rests)) < 0.1


def test_less_noise_than_the_source_has_is_not_added_to() -> None:
    source = [field(blobs(seed, noise=0.03)) for seed in range(12)]
    assert measure_restyling(source, many(12, 50)).noise == 0


@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_uneven_light_is_taken_over_from_the_target(scale: float) -> None:
    rise = 1 + 0.5 * np.linspace(-1, 1, 64)
    source, even = many(24), many(24, 100, size=2 * scale)
    target = [field(each.pixels * rise) for each in even]
    plain, how = (measure_restyling(source, each, scale=scale) for each in (even, target))
    assert plain.light.after is None
    # Optics are told as without the gradient, where noise is weaker than structure.
    low = how.frequencies < 0.2 / scale
    assert how.gain[low] == pytest.approx(plain.gain[low], rel=0.1)
    expected = restyle(source[0], plain).pixels * rise
    assert np.abs(restyle(source[0], how).pixels - expected).mean() < 0.02
    back = measure_restyling([field(each.pixels * rise) for each in source], even, scale=scale)
    again = restyle(field(source[0].pixels * rise), back).pixels
    assert np.abs(again - restyle(source[0], plain).pixels).mean() < 0.02

    assert how.words.endswith("uneven light as in the target")
    lights = how.describe()["light"]
    assert np.array(lights) == pytest.approx(
        np.array([[1, 0, 0, 0, 0, 0], [1, 0.5, 0, 0, 0, 0]]), abs=0.1
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 40), st.integers(2, 40), st.sampled_from([0.5, 1.0, 1.7]), st.booleans())
def test_any_size_gives_an_image_within_the_range_of_the_target(
    height: int, width: int, scale: float, inverted: bool
) -> None:
    rng = np.random.default_rng([height, width])
    source = [field(rng.random((height, width)))]
    target = [field(0.2 + 0.5 * rng.random((width, height)))]
    contrast = "inverted" if inverted else "same"
    how = measure_restyling(source, target, scale=scale, contrast=contrast)
    found = restyle(source[0], how).pixels
    assert found.shape == (height, width)
    assert np.isfinite(how.gain).all()
    assert found.min() >= 0.2 - 1e-4
    assert found.max() <= 0.7 + 1e-4


def test_images_that_show_nothing_have_no_look() -> None:
    flat = [field(np.full((32, 32), 0.5))]
    with pytest.raises(InputError, match="target images cannot be measured"):
        measure_restyling(many(1), flat)
    with pytest.raises(InputError, match="source images cannot be measured"):
        measure_restyling(flat, many(1))
    with pytest.raises(InputError, match="no image"):
        measure_restyling([], many(1))
