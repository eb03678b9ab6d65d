import pickle
from pathlib import Path

import pytest
import torch
from torch import nn

from adaptoscope.errors import InputError
from adaptoscope.training.checkpoints import load_checkpoint, save_checkpoint


def test_state_and_step_come_back(tmp_path: Path) -> None:
    network = nn.Linear(2, 2)
    optimiser = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 2)).sum().backward()
    optimiser.step()
    save_checkpoint(tmp_path / "c.pt", {"network": network, "optimiser": optimiser}, 7)
    other = nn.Linear(2, 2)
    other_optimiser = torch.optim.Adam(other.parameters())
    step = load_checkpoint(tmp_path / "c.pt", {"network": other, "optimiser": other_optimiser})
    assert step == 7
    torch.testing.assert_close(other.weight, network.weight)
    assert other_optimiser.state_dict()["state"][0]["step"] == 1


def test_without_a_file_nothing_is_changed(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path / "none.pt", {"network": nn.Linear(1, 1)}) == 0


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.pt").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(InputError, match="cannot be read"):
        load_checkpoint(tmp_path / "c.pt", {"network": nn.Linear(1, 1)})


class Trap:
    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("sprung"),))


def test_pickled_code_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"step": 1, "state": Trap()}, tmp_path / "torch.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Trap()))
    for name in ("torch.pt", "plain.pt"):
        with pytest.raises(InputError):
            load_checkpoint(tmp_path / name, {})
    assert not (tmp_path / "sprung").exists()


def test_other_parts_are_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "c.pt", {"network": nn.Linear(1, 1)}, 1)
    with pytest.raises(InputError, match="another kind of run"):
        load_checkpoint(tmp_path / "c.pt", {"generator": nn.Linear(1, 1)})
