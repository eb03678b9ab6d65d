from pathlib import Path

import numpy as np
import pytest

from adaptoscope.datasets.fingerprint import fingerprint_of, fingerprint_of_pairs
from adaptoscope.datasets.pair_writing import PairedStainWriter
from adaptoscope.datasets.writing import CountedImageWriter

MASK = np.zeros((16, 16), np.uint16)


def fingerprint(
    folder: Path,
    *,
    grey: float = 0.2,
    point: float = 3.0,
    label: int = 1,
    split: str = "train",
) -> str:
    writer = CountedImageWriter(folder, {}, "one")
    mask = MASK.copy()
    mask[3, 3] = label
    writer.add("one", np.full((16, 16), grey), points=[[point, 3.0]], mask=mask, split=split)
    return fingerprint_of(writer.finish("one"))


@pytest.mark.parametrize("change", [{"grey": 0.3}, {"point": 4.0}, {"label": 2}, {"split": "val"}])
def test_every_change_is_noticed(tmp_path: Path, change: dict[str, float]) -> None:
    assert fingerprint(tmp_path / "a") == fingerprint(tmp_path / "b")
    assert fingerprint(tmp_path / "c", **change) != fingerprint(tmp_path / "a")


def fingerprint_of_pair(
    folder: Path,
    *,
    given: float = 0.2,
    stain: float = 0.4,
    point: float = 3.0,
    label: int = 1,
    modality: str = "phase",
) -> str:
    writer = PairedStainWriter(folder, {}, "one")
    mask = MASK.copy()
    mask[3, 3] = label
    writer.add(
        "one",
        np.full((16, 16), given),
        {"DNA": np.full((16, 16), stain)},
        points=[[point, 3.0]],
        mask=mask,
        modality=modality,
    )
    return fingerprint_of_pairs(writer.finish("one"))


@pytest.mark.parametrize(
    "change", [{"given": 0.3}, {"stain": 0.3}, {"point": 4.0}, {"label": 2}, {"modality": "bf"}]
)
def test_every_change_of_a_pair_is_noticed(tmp_path: Path, change: dict[str, float]) -> None:
    assert fingerprint_of_pair(tmp_path / "a") == fingerprint_of_pair(tmp_path / "b")
    assert fingerprint_of_pair(tmp_path / "c", **change) != fingerprint_of_pair(tmp_path / "a")
