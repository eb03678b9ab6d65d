import json
from pathlib import Path

import pytest
import torch

from adaptoscope.counting.model_folder import ModelRecord, load_counter
from adaptoscope.counting.trained_network import write_network_model
from adaptoscope.errors import InputError
from adaptoscope.networks.centres_network import CentresNetwork
from adaptoscope.pipeline.upgrade import upgrade_model
from adaptoscope.pretrained.weights_files import write_weights
from adaptoscope.translation.intensities import IntensityInterval, StainIntensities
from adaptoscope.translation.model_folder import TranslatorRecord, open_translator
from adaptoscope.translation.trained_model import write_translator
from adaptoscope.translation.unet import StainUNet

SPAN = IntensityInterval(low=0.0, high=1.0)


def make_older(folder: Path) -> None:
    """Take away what older versions did not write."""
    (folder / "network.onnx").unlink()
    content = json.loads((folder / "model.json").read_text("utf-8"))
    del content["network_sha256"]
    (folder / "model.json").write_text(json.dumps(content), encoding="utf-8")


def test_an_older_counter_counts_again(tmp_path: Path) -> None:
    torch.manual_seed(0)
    record = ModelRecord(
        kind="centres",
        crop=64,
        working_diameter_px=12.0,
        normalisation="image",
        intensity={"0": (0.0, 1.0)},
    )
    write_network_model(tmp_path, record, CentresNetwork(), card="card")
    written = {name: (tmp_path / name).read_bytes() for name in ("network.onnx", "model.json")}
    make_older(tmp_path)

    assert upgrade_model(tmp_path)

    assert load_counter(tmp_path).name == tmp_path.name
    assert {name: (tmp_path / name).read_bytes() for name in written} == written
    assert not upgrade_model(tmp_path)


def test_an_older_stain_network_predicts_again(tmp_path: Path) -> None:
    intensities = StainIntensities(bit_depth=16, given=SPAN, stains={"dapi": SPAN})
    record = TranslatorRecord(width=2, norm="batch", norm_at_test="batch", intensities=intensities)
    write_translator(tmp_path, record, StainUNet(1, 2, norm="batch"), card="card")
    written = (tmp_path / "network.onnx").read_bytes()
    make_older(tmp_path)

    assert upgrade_model(tmp_path)

    assert open_translator(tmp_path).record.stains == ("dapi",)
    assert (tmp_path / "network.onnx").read_bytes() == written


def test_a_counter_without_a_network_needs_nothing(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text('{"kind": "dog"}', encoding="utf-8")
    assert not upgrade_model(tmp_path)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no model\.json"):
        upgrade_model(tmp_path)


def test_other_weights_are_not_made_the_own_ones(tmp_path: Path) -> None:
    torch.manual_seed(0)
    record = ModelRecord(
        kind="centres",
        crop=64,
        working_diameter_px=12.0,
        normalisation="image",
        intensity={"0": (0.0, 1.0)},
    )
    write_network_model(tmp_path, record, CentresNetwork(), card="card")
    write_weights(
        tmp_path / "weights.safetensors", CentresNetwork().state_dict(), dtype=torch.float32
    )
    with pytest.raises(InputError, match="not the one that was trained"):
        upgrade_model(tmp_path)
