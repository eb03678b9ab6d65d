import inspect
from pathlib import Path

import pytest
import yaml
from typer.models import OptionInfo

from adaptoscope.cli.stylise import stylise
from adaptoscope.errors import SettingsError
from adaptoscope.style_transfer import stylise_set as stage
from adaptoscope.style_transfer.settings import StylisationSettings

PAPER_WAY = Path(__file__).parents[3] / "experiments" / "style_transfer" / "paper_way.yaml"


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[stage.StylisationJob]:
    """What would be done, in place of doing it."""
    asked: list[stage.StylisationJob] = []

    def note(job: stage.StylisationJob, **_: object) -> list[object]:
        asked.append(job)
        return []

    monkeypatch.setattr(stage, "stylise_set", note)
    monkeypatch.chdir(tmp_path)
    Path("drawings").mkdir()
    return asked


def settings_of(jobs: list[stage.StylisationJob], **options: object) -> StylisationSettings:
    stylise(Path("drawings"), Path("out"), Path("look.safetensors"), device="cpu", **options)
    return jobs[-1].settings


def test_without_options_the_settings_are_the_defaults(jobs: list[stage.StylisationJob]) -> None:
    assert settings_of(jobs) == StylisationSettings()


def test_the_paper_s_way_is_shipped_and_taken_from_its_file(
    jobs: list[stage.StylisationJob],
) -> None:
    found = settings_of(jobs, settings=PAPER_WAY)
    assert (found.strength, found.steps, found.guidance) == (0.7, 50, 10.0)
    assert (found.inversion, found.sampler, found.adain) == ("stochastic", "ddim", "whole")
    ours = (found.adain_after, found.use_layout, found.glow, found.residual, found.guard)
    assert not any(ours)
    assert found.official_timing
    assert (found.intensities, found.working_side, found.posterior) == ("stored", 512, "sample")


def test_options_that_are_given_win_over_the_file(
    jobs: list[stage.StylisationJob], tmp_path: Path
) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(yaml.safe_dump({"guidance": 10, "steps": 20, "use_layout": False, "seed": 4}))
    # 1.0 and the layout are the defaults: given, they count all the same.
    found = settings_of(jobs, settings=file, guidance=1.0, use_layout=True, strength=0.5)
    assert found == StylisationSettings(steps=20, strength=0.5, seed=4)
    assert settings_of(jobs, settings=file, seed=0).seed == 0


@pytest.mark.parametrize(
    ("said", "found"), [("strenght: 0.5", "strenght"), ("strength: 2", "strength"), ("- 1", "list")]
)
def test_a_file_that_is_not_in_order_is_refused(
    jobs: list[stage.StylisationJob], tmp_path: Path, said: str, found: str
) -> None:
    (tmp_path / "s.yaml").write_text(said)
    with pytest.raises(SettingsError) as caught:
        settings_of(jobs, settings=tmp_path / "s.yaml")
    assert found in caught.value.found
    assert not jobs


def test_help_shows_the_defaults_of_the_settings() -> None:
    shown = {}
    for name, parameter in inspect.signature(stylise).parameters.items():
        (option,) = parameter.annotation.__metadata__
        if isinstance(option, OptionInfo) and isinstance(option.show_default, str):
            shown[name] = option.show_default
    assert len(shown) == 9
    defaults = StylisationSettings()
    assert shown == {name: str(getattr(defaults, name)) for name in shown}
