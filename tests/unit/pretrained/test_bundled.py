from pathlib import Path

import pytest

from adaptoscope.errors import MissingWeightsError
from adaptoscope.pretrained import bundled
from adaptoscope.pretrained.bundled import locate_backbone


def test_a_folder_without_a_backbone_is_answered_with_the_bundled_one(tmp_path: Path) -> None:
    with pytest.raises(MissingWeightsError) as caught:
        locate_backbone(str(tmp_path))
    assert "--backbone compact" in caught.value.remedy


def test_a_damaged_package_is_to_be_installed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundled, "WEIGHTS", tmp_path)
    with pytest.raises(MissingWeightsError) as caught:
        locate_backbone("compact")
    assert "install the package again" in caught.value.remedy
    assert "--backbone compact" not in caught.value.remedy
