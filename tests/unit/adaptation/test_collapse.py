from pathlib import Path

import pytest
import torch

from adaptoscope.adaptation.collapse import COARSEST, judge_run
from adaptoscope.translation.unet import StainUNet

WELL = {
    "finite": 1.0,
    "contrast": 1.0,
    "spread": 1.0,
    "mutual": 0.1,
    "mutual_source": 0.1,
    "turned": 0.95,
    "turned_source": 0.99,
}


NOW = "step,generator_loss,discriminator_loss,discriminator_accuracy"
EARLIER = "step,deceit,judge,right"


def metrics(
    folder: Path, *, loss: str = "0.7", accuracy: str = "0.6", columns: str = NOW, rows: int = 9
) -> Path:
    lines = [f"{step},{loss},1.3,{accuracy}" for step in range(rows)]
    path = folder / "metrics.csv"
    path.write_text("\n".join([columns, *lines]) + "\n", encoding="utf-8")
    return path


def test_a_run_of_which_nothing_is_wrong_is_healthy(tmp_path: Path) -> None:
    assert judge_run(metrics(tmp_path), WELL).healthy
    assert judge_run(tmp_path / "absent.csv", WELL).healthy


@pytest.mark.parametrize(
    ("training", "outputs", "reason"),
    [
        ({"loss": "nan"}, {}, "not a number"),
        ({"loss": "6.1"}, {}, "stays above 5"),
        ({"loss": "6.1", "columns": EARLIER}, {}, "stays above 5"),
        ({"accuracy": "0.999"}, {}, "always right"),
        ({"accuracy": "0.999", "columns": EARLIER}, {}, "always right"),
        ({}, {"finite": 0.0}, "outputs are not numbers"),
        ({}, {"contrast": 0.01}, "hardly anything"),
        ({}, {"spread": 0.1}, "hardly differ"),
        ({}, {"mutual": 0.99}, "are alike"),
        ({}, {"turned": 0.87}, "turned images"),
    ],
)
def test_every_fault_is_named(
    tmp_path: Path, training: dict[str, str], outputs: dict[str, float], reason: str
) -> None:
    verdict = judge_run(metrics(tmp_path, **training), WELL | outputs)
    assert not verdict.healthy
    assert reason in verdict.reasons[0]
    assert len(verdict.reasons) == 1


def test_layers_matched_alone_do_not_follow_a_magnification(tmp_path: Path) -> None:
    (reason,) = judge_run(metrics(tmp_path), WELL, unmatched_magnification=1.4811).reasons
    assert "magnified 1.48 times" in reason
    assert judge_run(metrics(tmp_path), WELL, unmatched_magnification=1.0).healthy


@pytest.mark.parametrize(
    ("layers", "bound"),
    [((8,), False), ((6, 10), False), ((8, 13), True), ((5,), True), ((), True)],
)
def test_what_skips_carry_past_the_coarsest_layers_is_not_bound(
    tmp_path: Path, layers: tuple[int, ...], bound: bool
) -> None:
    verdict = judge_run(metrics(tmp_path), WELL, layers=layers)
    assert verdict.healthy == bound
    assert all("skips" in reason for reason in verdict.reasons)


def test_the_coarsest_layers_are_those_of_the_fewest_places() -> None:
    network = StainUNet(width=4)
    places = {}
    for layer in range(1, 17):
        with torch.no_grad():
            features = network.forward_to(torch.zeros(1, 1, 256, 256), layer).features
        places[layer] = features.shape[2] * features.shape[3]
    assert [layer for layer in range(1, 17) if places[layer] <= 16] == list(COARSEST)


def test_a_single_field_tells_nothing_of_how_fields_differ(tmp_path: Path) -> None:
    unknown = WELL | dict.fromkeys(("spread", "mutual", "turned"), float("nan"))
    assert judge_run(metrics(tmp_path), unknown).healthy


def test_a_single_field_tells_a_network_that_says_nothing(tmp_path: Path) -> None:
    unknown = dict.fromkeys(("spread", "mutual", "mutual_source", "turned"), float("nan"))
    (reason,) = judge_run(metrics(tmp_path), WELL | unknown | {"contrast": 0.0}).reasons
    assert reason == "outputs show hardly anything"


def test_only_the_end_of_a_training_counts(tmp_path: Path) -> None:
    path = metrics(tmp_path, rows=3)
    lines = path.read_text("utf-8").splitlines()
    bad = [f"{step},9.0,0.1,1.0" for step in range(6)]
    path.write_text("\n".join([lines[0], *bad, *lines[1:]]) + "\n", encoding="utf-8")
    assert judge_run(path, WELL).healthy


def test_montages_of_like_cells_are_alike_by_nature(tmp_path: Path) -> None:
    montage = WELL | {"mutual": 0.985, "mutual_source": 0.98}
    assert judge_run(metrics(tmp_path), montage).healthy
