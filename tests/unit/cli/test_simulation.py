from pathlib import Path

import pytest

from adaptoscope.cli.simulation import simulate
from adaptoscope.errors import SettingsError


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("--held-out", {"held_out": [Path("kept")]}),
        ("--root", {"root": Path("images")}),
        ("--channel", {"channel": 0}),
        ("--z", {"z": "max"}),
        ("--channel and --z", {"channel": 0, "z": "max"}),
    ],
)
def test_options_of_real_images_are_refused_without_any(
    tmp_path: Path, option: str, values: dict[str, object]
) -> None:
    with pytest.raises(SettingsError, match=option) as caught:
        simulate(tmp_path / "out", count=1, **values)
    assert "--like" in caught.value.remedy
    assert not (tmp_path / "out").exists()


def test_a_measured_microscope_is_not_drawn_anew(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--like and --randomise"):
        simulate(tmp_path / "out", count=1, like=tmp_path / "real", randomise=True)
    assert not (tmp_path / "out").exists()
