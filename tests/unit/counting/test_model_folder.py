import json

import numpy as np
import pytest
import torch

from adaptoscope.counting.baselines import DogCounter, OtsuWatershedCounter
from adaptoscope.counting.count_regressor import CountRegressor
from adaptoscope.counting.model_folder import ModelRecord, load_counter, read_record
from adaptoscope.counting.trained_network import read_network, write_network_model
from adaptoscope.errors import InputError, SettingsError

NETWORK = {
    "kind": "count_regressor",
    "crop": 64,
    "pooling": "mean",
    "normalisation": "set",
    "intensity": {"0": (0.1, 0.6)},
}


@pytest.fixture
def network_folder(tmp_path, tiny_encoder):
    torch.manual_seed(0)
    network = CountRegressor(tiny_encoder(), pooling="mean", crop=64)
    network.standardise(7.0, 2.0)
    record = ModelRecord.model_validate(NETWORK)
    write_network_model(tmp_path / "model", record, network, card="card")
    return tmp_path / "model", network


def test_detectors_are_found_by_name():
    assert load_counter("dog").counter == DogCounter()
    assert load_counter("otsu_watershed").counter == OtsuWatershedCounter()


def test_a_network_comes_back_as_it_was_written(network_folder, draw_field):
    folder, network = network_folder
    pixels = draw_field(10, 0)[0][:64, :64]

    model = load_counter(folder)

    normalised = np.clip((pixels - 0.1) / 0.5, -1, 4)[None, None].astype(np.float32)
    expected = network.eval()(torch.from_numpy(normalised))
    assert model.counter.count(pixels).count == pytest.approx(expected.item(), rel=1e-5)
    assert model.name == "model"


def test_the_folder_holds_what_the_contract_says(network_folder):
    folder, _ = network_folder

    assert {path.name for path in folder.iterdir()} >= {
        "weights.safetensors",
        "network.onnx",
        "model.json",
        "README.md",
    }
    assert json.loads((folder / "model.json").read_text())["intensity"] == {"0": [0.1, 0.6]}


def test_weights_of_another_network_are_refused(network_folder):
    folder, _ = network_folder
    with pytest.raises(InputError, match="do not fit"):
        read_network(folder, read_record(folder))


@pytest.mark.parametrize("name", ["network.onnx", "weights.safetensors"])
def test_a_changed_network_is_refused(network_folder, name):
    folder, _ = network_folder
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(content)

    with pytest.raises(InputError, match="not the one that was trained"):
        load_counter(folder)


def test_a_folder_of_an_older_version_says_what_to_do(network_folder):
    folder, _ = network_folder
    record = json.loads((folder / "model.json").read_text())
    del record["network_sha256"]
    (folder / "model.json").write_text(json.dumps(record))

    with pytest.raises(InputError, match="adaptoscope upgrade"):
        load_counter(folder)


def test_an_unfinished_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no model\.json"):
        load_counter(tmp_path)


def test_a_damaged_record_is_refused(tmp_path):
    (tmp_path / "model.json").write_text("{")
    with pytest.raises(InputError, match="damaged"):
        load_counter(tmp_path)
    (tmp_path / "model.json").write_text('{"kind": "dog", "colour": 1}')
    with pytest.raises(SettingsError, match="colour"):
        load_counter(tmp_path)
    (tmp_path / "model.json").write_text('{"kind": "count_regressor"}')
    with pytest.raises(InputError, match="completely"):
        load_counter(tmp_path)
