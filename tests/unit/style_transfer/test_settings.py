import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptoscope.style_transfer.diffusion.noise_schedule import NoiseSchedule
from adaptoscope.style_transfer.diffusion.sampling import evaluations
from adaptoscope.style_transfer.settings import (
    USUAL,
    Presentation,
    StylisationSettings,
    presentation_of,
)


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
    assert presentation_of(StylisationSettings()) == USUAL
    settings = StylisationSettings(working_side=512, steps=3)
    assert presentation_of(settings) == Presentation(working_side=512)
