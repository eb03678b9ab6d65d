from pathlib import Path

import numpy as np
import pytest

from adaptoscope.cli import main
from adaptoscope.imageio.files import write_image, write_text
from adaptoscope.style_transfer.settings import BackboneTrainingSettings, backbone_training


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), BackboneTrainingSettings()),
        (("--from", "compact"), backbone_training({}, fine_tune=True)),
        (
            ("--from", "compact", "--settings", "FILE"),
            backbone_training({"crop": 96}, fine_tune=True),
        ),
        (("--settings", "FILE"), BackboneTrainingSettings(crop=96)),
    ],
)
def test_a_training_that_goes_on_is_shorter(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    expected: BackboneTrainingSettings,
) -> None:
    write_image(tmp_path / "set" / "a.png", np.zeros((8, 8)))
    write_text(tmp_path / "s.yaml", "crop: 96\n")
    seen: list[object] = []
    monkeypatch.setattr(
        "adaptoscope.style_transfer.backbones.compact.train_backbone.train_backbone",
        lambda *arguments, **_: seen.extend(arguments),
    )
    words = [str(tmp_path / "s.yaml") if word == "FILE" else word for word in options]
    sets = ["--images", str(tmp_path / "set")]
    with pytest.raises(SystemExit):
        main(["style", "train-backbone", str(tmp_path / "out"), *sets, *words])
    assert [item for item in seen if isinstance(item, BackboneTrainingSettings)] == [expected]
