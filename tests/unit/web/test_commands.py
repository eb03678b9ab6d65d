import numpy as np
import pytest
import tifffile

from adaptoscope.errors import InputError, OutputError, SettingsError
from adaptoscope.web.commands import KINDS, check_table, command_of, trained_counters
from adaptoscope.web.workspace import open_workspace


@pytest.fixture
def workspace(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((60, 80), np.uint8))
    return open_workspace(tmp_path)


def test_a_count_has_the_options_of_the_page(workspace):
    command = command_of(
        workspace,
        "count",
        {"model": "dog", "diameter": 12.5, "edges": "centres", "channel": 1, "z": "max"},
    )
    said = " ".join(command.arguments)
    assert said.startswith(f"count predict {workspace.images} --model dog --out {workspace.work}")
    assert said.endswith("--diameter 12.5 --channel 1 --z max --edges centres")


def test_each_count_has_a_folder_of_its_own(workspace):
    assert command_of(workspace, "count", {}).result != command_of(workspace, "count", {}).result


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("rm", {}),
        ("count", {"model": "--help"}),
        ("count", {"model": "../../other"}),
        ("count", {"diameter": "12; rm"}),
        ("count", {"diameter": -1}),
        ("count", {"diameter": float("nan")}),
        ("count", {"diameter": True}),
        ("count", {"edges": "--out"}),
        ("count", {"channel": "0"}),
        ("count", {"channel": -1}),
        ("count", {"z": "min"}),
        ("learn", {"head": "regressor"}),
        ("learn", {"head": "centres", "folds": 1}),
        ("check", {"number": 1e9}),
        ("bias", {"check": "../../x"}),
        ("bias", {"check": ""}),
    ],
)
def test_what_no_page_offers_is_refused(workspace, kind, options):
    with pytest.raises(SettingsError):
        command_of(workspace, kind, options)


def test_a_check_of_another_folder_is_not_found(workspace):
    with pytest.raises(SettingsError, match="no such check"):
        check_table(workspace, "20260101-000000-abcd")


def test_every_kind_has_a_command_or_says_what_it_lacks(workspace):
    made = {"learn": {"folds": 2}, "check": {"number": 4}}
    for kind in set(KINDS) - {"bias"}:
        assert command_of(workspace, kind, made.get(kind, {})).arguments[0] == "count"


def test_a_folder_without_images_cannot_be_opened(tmp_path):
    with pytest.raises(InputError, match="no image"):
        open_workspace(tmp_path)


def test_a_work_folder_that_is_a_file_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((60, 80), np.uint8))
    (tmp_path / "w").write_text("")
    with pytest.raises(OutputError, match="--work"):
        open_workspace(tmp_path, tmp_path / "w")


def test_a_counter_that_was_not_shown_to_be_better_is_not_offered(workspace):
    for name, judged in (("a", '{"better": true}'), ("b", '{"better": false}'), ("c", None)):
        folder = workspace.work / "counters" / name
        folder.mkdir(parents=True)
        (folder / "model.json").write_text("{}")
        if judged:
            (folder / "judgement.json").write_text(judged)
    assert trained_counters(workspace) == ["a", "c"]


def test_a_network_learns_from_nuclei_and_is_judged(workspace):
    said = " ".join(command_of(workspace, "learn", {"head": "centres", "folds": 5}).arguments)
    assert said.endswith("--head centres --judge --start nuclei --folds 5")
