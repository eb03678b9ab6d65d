from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptoscope.errors import SettingsError
from adaptoscope.style_transfer.diffusion.noise_schedule import NoiseSchedule
from adaptoscope.style_transfer.diffusion.sampling import evaluations
from adaptoscope.style_transfer.settings import (
    FINE_TUNING,
    USUAL,
    BackboneTrainingSettings,
    Preprocessing,
    StylisationSettings,
    backbone_training,
    preprocessing_of,
)
from adaptoscope.training.settings import read_settings

RECIPES = Path(__file__).parents[3] / "recipes"
DEFAULT = BackboneTrainingSettings()


def crops(settings: BackboneTrainingSettings) -> int:
    """Crops that a training sees in all."""
    first, second = settings.autoencoder, settings.denoiser
    return first.steps * first.batch + second.steps * second.batch


def test_the_defaults_are_what_two_cores_can_do() -> None:
    assert backbone_training(read_settings(RECIPES / "compact_cpu.yaml")) == DEFAULT
    assert crops(DEFAULT) < 150_000
    assert DEFAULT.autoencoder.adversarial_weight == 0


def test_the_recipe_for_a_gpu_says_all_that_a_training_depends_on() -> None:
    values = read_settings(RECIPES / "compact_gpu.yaml")
    settings = backbone_training(values)
    assert crops(settings) > 4_000_000
    assert set(values) >= {"crop", "diameter_range", "warm_up", "precision"}
    for part in ("autoencoder", "denoiser"):
        assert set(values[part]) >= {"steps", "batch", "learning_rate"}
    assert settings.autoencoder.adversarial_weight == 0


def test_going_on_takes_fewer_steps_at_a_lower_rate() -> None:
    tuned = backbone_training({}, fine_tune=True)
    assert crops(tuned) < crops(DEFAULT) / 5
    for part in ("autoencoder", "denoiser"):
        ours, usual = getattr(tuned, part), getattr(DEFAULT, part)
        assert ours.learning_rate < usual.learning_rate
        assert ours.model_dump() == {**usual.model_dump(), **FINE_TUNING[part]}
    assert (
        tuned.model_copy(update={"autoencoder": DEFAULT.autoencoder, "denoiser": DEFAULT.denoiser})
        == DEFAULT
    )


def test_what_is_given_has_the_last_word() -> None:
    values = {"crop": 96, "denoiser": {"steps": 7}}
    tuned = backbone_training(values, fine_tune=True)
    assert (tuned.crop, tuned.denoiser.steps) == (96, 7)
    assert tuned.denoiser.learning_rate == FINE_TUNING["denoiser"]["learning_rate"]
    assert tuned.autoencoder.steps == FINE_TUNING["autoencoder"]["steps"]
    assert values == {"crop": 96, "denoiser": {"steps": 7}}
    assert backbone_training(values).autoencoder == DEFAULT.autoencoder


@pytest.mark.parametrize("fine_tune", [False, True])
@pytest.mark.parametrize(
    "values", [{"colour": 1}, {"denoiser": {"colour": 1}}, {"denoiser": 3}, []]
)
def test_what_cannot_be_used_is_refused(values: object, fine_tune: bool) -> None:
    with pytest.raises(SettingsError):
        backbone_training(values, fine_tune=fine_tune, origin="mine.yaml")


@pytest.mark.parametrize(
    ("changes", "steps"),
    [
        ({}, 35),
        ({"strength": 0.04, "steps": 10}, 0),
        ({"strength": 0.05, "steps": 10}, 1),
        ({"strength": 0.09, "steps": 10, "official_timing": True}, 0),
        ({"inversion": "none"}, 0),
        ({"strength": 0.0}, 0),
    ],
)
def test_words_say_diffusion_only_where_a_step_is_run(
    changes: dict[str, object], steps: int
) -> None:
    settings = StylisationSettings(**changes)
    assert settings.sampled_steps == steps
    words = settings.in_words()
    assert ("without diffusion" in words) == (steps == 0)
    assert ("inversion" in words) == ("strength" in words) == (steps > 0)


@given(
    st.floats(0, 1),
    st.integers(1, 1000),
    st.sampled_from(["stochastic", "sdedit", "ddim", "none"]),
    st.booleans(),
)
def test_words_agree_with_the_evaluations(
    strength: float, steps: int, inversion: str, official: bool
) -> None:
    settings = StylisationSettings(
        strength=strength, steps=steps, inversion=inversion, official_timing=official
    )
    none = evaluations(NoiseSchedule(), settings) == 0
    assert ("without diffusion" in settings.in_words()) == none


def test_how_images_are_shown_is_said_where_it_is_not_the_usual_way() -> None:
    assert "shown" not in StylisationSettings().in_words()
    settings = StylisationSettings(intensities="stored", posterior="sample")
    assert "stored intensities at their own size, posterior's sample" in settings.in_words()


def test_the_way_images_are_shown_is_part_of_stylisation() -> None:
    assert preprocessing_of(StylisationSettings()) == USUAL
    settings = StylisationSettings(working_side=512, steps=3)
    assert preprocessing_of(settings) == Preprocessing(working_side=512)
