import pytest

from adaptoscope.counting.settings import CountingSettings, DensitySettings, RegressorSettings
from adaptoscope.errors import SettingsError
from adaptoscope.training.settings import load_settings, settings_from, settings_text


def test_defaults_are_those_of_paper_one():
    settings = RegressorSettings()

    assert (settings.crop, settings.batch) == (200, 16)
    assert (settings.learning_rate, settings.weight_decay) == (1e-4, 1e-5)
    assert settings.regime == "supervised"
    assert settings.total_steps == pytest.approx(50 * 95 / 16, abs=4)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"regime": "fine_tuned"}, "pretrain_steps"),
        ({"pretrain_steps": 5}, "pretrain_steps"),
        ({"regime": "duel"}, "regime"),
        ({"regime": "dual", "batch": 5}, "batch"),
        ({"mode": "teacher"}, "mode"),
        ({"regime": "dacs", "mode": "teacher"}, "centres"),
        ({"crops": 64}, "crops"),
        ({"learning_rate": 0}, "learning_rate"),
    ],
)
def test_settings_that_contradict_are_refused_by_name(values, field):
    with pytest.raises(SettingsError, match=field):
        settings_from(values, RegressorSettings)


def test_settings_survive_the_file(tmp_path):
    settings = RegressorSettings(regime="fine_tuned", pretrain_steps=7, init="random")

    (tmp_path / "settings.yaml").write_text(settings_text(settings))

    assert load_settings(tmp_path / "settings.yaml", RegressorSettings) == settings


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"head": "fcrn_a", "loss": "poisson"}, "poisson"),
        ({"head": "fcrn_a", "init": "nuclei"}, "init"),
        ({"crop": 100}, "crop"),
    ],
)
def test_density_settings_that_contradict_are_refused_by_name(values, field):
    with pytest.raises(SettingsError, match=field):
        settings_from(values, DensitySettings)


@pytest.mark.parametrize(
    ("init", "choice", "frozen"),
    [
        ("nuclei", "auto", True),
        ("imagenet", "auto", True),
        ("random", "auto", False),
        ("random", "frozen", True),
        ("nuclei", "batch", False),
    ],
)
def test_random_weights_have_no_statistics_to_keep(init: str, choice: str, frozen: bool) -> None:
    settings = CountingSettings(head="", init=init, batch_norm=choice)  # type: ignore[arg-type]
    assert settings.frozen_statistics is frozen


def test_fcrn_a_is_trained_as_published_where_nothing_is_said() -> None:
    published = settings_from({"head": "fcrn_a"}, DensitySettings)
    assert (published.count, published.loss, published.init) == ("density", "mse", "random")
    peaks = settings_from({"head": "fcrn_a", "count": "peaks"}, DensitySettings)
    assert peaks.count == "peaks"
    assert settings_from({}, DensitySettings).count == "peaks"


def test_epochs_become_steps_that_pass_over_all_images():
    plain = RegressorSettings(epochs=50).in_steps(95, 0)
    assert (plain.steps, plain.pretrain_steps, plain.epochs) == (297, 0, None)
    tuned = RegressorSettings(epochs=50, regime="fine_tuned").in_steps(95, 618)
    assert (tuned.pretrain_steps, tuned.steps) == (1932, 297)
    half = RegressorSettings(epochs=50, regime="dual").in_steps(95, 618)
    assert (half.steps, half.pretrain_steps) == (594, 0)
    assert RegressorSettings(steps=7).in_steps(95, 618).steps == 7
