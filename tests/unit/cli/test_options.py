import json
from pathlib import Path

import numpy as np
import pytest

from adaptoscope.cli import main
from adaptoscope.cli.options import plane, print_answer
from adaptoscope.errors import SettingsError
from adaptoscope.imageio.files import write_image, write_text
from adaptoscope.imageio.json_values import plain


def test_json_is_one_object_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    answer = {"n": np.int64(3), "mae": float("nan"), "interval": np.array([1.5, 2.0])}
    print_answer(answer, as_json=True, title="Errors")
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"n": 3, "mae": None, "interval": [1.5, 2.0]}
    assert captured.err == ""


def test_text_is_aligned_and_rounded(capsys: pytest.CaptureFixture[str]) -> None:
    answer = {"n": 3, "within_5": 0.123456, "kept": True, "rejects": {"lost": 2}, "model": None}
    print_answer(answer, as_json=False, title="Errors")
    assert capsys.readouterr().out.splitlines() == [
        "Errors",
        "  n         3",
        "  within 5  0.123",
        "  kept      yes",
        "  rejects   lost: 2",
        "  model     none",
    ]


def test_paths_and_nested_values_become_plain() -> None:
    assert plain({"a": (Path("b.tif"), float("inf"))}) == {"a": ["b.tif", None]}


@pytest.mark.parametrize(("text", "chosen"), [(None, None), ("max", "max"), ("0", 0), ("12", 12)])
def test_a_focal_plane_is_an_index_or_max(text: str | None, chosen: object) -> None:
    assert plane(text) == chosen


@pytest.mark.parametrize("text", ["", "-1", "1.5", "middle"])
def test_another_focal_plane_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="focal plane"):
        plane(text)


@pytest.mark.parametrize(("option", "used"), [((), 5), (("--seed", "0"), 0)])
@pytest.mark.parametrize(
    ("command", "option_of_images", "called"),
    [
        ("count train", "--real", "adaptoscope.counting.regimes.train_counter"),
        (
            "count train-encoder",
            "--images",
            "adaptoscope.counting.pretrain_encoder.pretrain_encoder",
        ),
        (
            "style train-backbone",
            "--images",
            "adaptoscope.style_transfer.backbones.compact.train_backbone.train_backbone",
        ),
    ],
)
def test_the_seed_of_the_settings_holds_unless_one_is_given(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    option_of_images: str,
    called: str,
    option: tuple[str, ...],
    used: int,
) -> None:
    write_image(tmp_path / "set" / "a.png", np.zeros((8, 8)))
    write_text(tmp_path / "s.yaml", "seed: 5\n")
    seen: list[object] = []
    monkeypatch.setattr(called, lambda *arguments, **options: seen.extend(arguments))
    arguments = [option_of_images, tmp_path / "set", "--settings", tmp_path / "s.yaml", *option]
    with pytest.raises(SystemExit):
        main([*command.split(), str(tmp_path / "out"), *map(str, arguments)])
    assert [item.seed for item in seen if hasattr(item, "seed")] == [used]
