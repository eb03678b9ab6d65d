from pathlib import Path

import pytest

from adaptoscope.cli.simulation import simulate
from adaptoscope.datasets.paired_stains import open_paired_stains
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


def test_pairs_are_written_for_every_modality(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("height: 64\nwidth: 64\nmargin_px: 24\n")
    out = tmp_path / "out"
    simulate(
        out, count=2, settings=settings, pairs=True, modality=["phase", "defocused"], train=0.5,
        test=0.5,
    )  # fmt: skip
    assert capsys.readouterr().out == f"{out}: 8 simulated image pairs of 2 fields\n"
    opened = open_paired_stains(out)
    assert len(opened.select(split="test", modality="defocused")) == 2
    assert opened.read(opened.records[0]).stain.shape == (64, 64)


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("--like", {"like": Path("real")}),
        ("--cultures", {"cultures": 2}),
        ("--randomise", {"randomise": True}),
        ("--cultures and --z", {"cultures": 4, "z": "max"}),
    ],
)
def test_options_of_counted_fields_are_refused_with_pairs(
    tmp_path: Path, option: str, values: dict[str, object]
) -> None:
    with pytest.raises(SettingsError, match=option) as caught:
        simulate(tmp_path / "out", count=1, pairs=True, **values)
    assert "--pairs" in caught.value.remedy
    assert not (tmp_path / "out").exists()


def test_a_modality_is_refused_without_pairs(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--modality"):
        simulate(tmp_path / "out", count=1, modality=["phase"])
    assert not (tmp_path / "out").exists()
