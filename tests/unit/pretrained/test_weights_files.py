from pathlib import Path

import pytest
import torch

from adaptoscope.errors import InputError, OutputError
from adaptoscope.pretrained.weights_files import read_weights, write_weights


def test_weights_are_half_on_disk_and_single_in_memory(tmp_path: Path) -> None:
    values = {"a": torch.tensor([1.0, 1 / 3]), "n": torch.tensor(7)}
    write_weights(tmp_path / "w.safetensors", values)
    assert (tmp_path / "w.safetensors").stat().st_size < 200
    again = read_weights(tmp_path / "w.safetensors")
    assert again["a"].dtype == torch.float32
    assert again["a"][1] == torch.tensor(1 / 3).half().float()
    assert again["n"] == 7


def test_files_that_are_not_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_text("no")
    with pytest.raises(InputError, match="cannot be read"):
        read_weights(tmp_path / "w.safetensors")


@pytest.mark.parametrize(
    ("value", "dtype", "found"),
    [
        (1e5, torch.float16, "1e+05"),
        (float("nan"), torch.float16, "nan"),
        (float("-inf"), torch.float32, "inf"),
    ],
)
@pytest.mark.parametrize("before", [True, False], ids=["replacing", "new"])
def test_values_that_cannot_be_stored_are_refused_and_nothing_is_written(
    tmp_path: Path, value: float, dtype: torch.dtype, found: str, before: bool
) -> None:
    path = tmp_path / "deep" / "w.safetensors"
    if before:
        write_weights(path, {"a": torch.ones(2)})
    kept = path.read_bytes() if before else None
    tensors = {"fine": torch.ones(2), "layer.weight": torch.tensor([1.0, value])}
    with pytest.raises(OutputError, match=r"layer\.weight") as caught:
        write_weights(path, tensors, dtype=dtype)
    assert found in caught.value.found
    assert sorted(tmp_path.rglob("*.*")) == ([path] if before else [])
    if before:
        assert path.read_bytes() == kept


def test_large_values_are_kept_in_single_precision(tmp_path: Path) -> None:
    write_weights(tmp_path / "w.safetensors", {"a": torch.tensor([1e5])}, dtype=torch.float32)
    assert read_weights(tmp_path / "w.safetensors")["a"].item() == 1e5


def test_weights_are_for_others_to_read_too(tmp_path: Path) -> None:
    write_weights(tmp_path / "w.safetensors", {"a": torch.ones(2)})
    (tmp_path / "usual").touch()
    assert (tmp_path / "w.safetensors").stat().st_mode == (tmp_path / "usual").stat().st_mode
