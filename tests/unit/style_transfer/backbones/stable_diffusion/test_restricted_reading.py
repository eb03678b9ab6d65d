import collections
from pathlib import Path

import pytest
import torch

from adaptoscope.style_transfer.backbones.stable_diffusion.restricted_reading import (
    RefusedReadingError,
    Shell,
    read_restricted,
)


class Listed:
    def __init__(self) -> None:
        self.value = torch.ones(2)

    def __setstate__(self, state: object) -> None:
        raise AssertionError("code of the file's class ran")


NAME = f"{Listed.__module__}.Listed"


def test_tensors_and_plain_values_come_back(tmp_path: Path) -> None:
    table = collections.OrderedDict(a=torch.arange(3), b={"c": [1, "d", None]})
    torch.save(table, tmp_path / "file.pt")
    again = read_restricted(tmp_path / "file.pt", [])
    assert torch.equal(again["a"], table["a"])
    assert again["b"] == table["b"]


def test_a_listed_class_becomes_a_shell_without_its_code(tmp_path: Path) -> None:
    torch.save({"a": Listed()}, tmp_path / "file.pt")
    shell = read_restricted(tmp_path / "file.pt", [NAME])["a"]
    assert type(shell) is Shell
    assert torch.equal(shell.value, torch.ones(2))


def test_any_other_class_is_refused_by_name(tmp_path: Path) -> None:
    torch.save({"a": Listed()}, tmp_path / "file.pt")
    with pytest.raises(RefusedReadingError, match="Listed, which is not needed"):
        read_restricted(tmp_path / "file.pt", [f"{NAME}Other"])


@pytest.mark.parametrize("content", [None, b"", b"nothing of the kind", b"PK\x03\x04broken"])
def test_damaged_and_absent_files_are_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "file.pt").write_bytes(content)
    with pytest.raises(RefusedReadingError, match="damaged"):
        read_restricted(tmp_path / "file.pt", [])
