from pathlib import Path

import pytest
import torch

from adaptoscope.errors import MissingWeightsError
from adaptoscope.pretrained.bundled import bundled_weights, hash_of_weights
from adaptoscope.pretrained.inception import InceptionEncoder
from adaptoscope.realism.feature_encoders import open_feature_encoder, sees_cells

CPU = torch.device("cpu")


def test_the_bundled_encoder_is_frozen_and_named_by_its_file() -> None:
    encoder, known = open_feature_encoder("nuclei", CPU)
    assert isinstance(encoder, torch.nn.Module)
    assert not encoder.training
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    assert known == hash_of_weights(bundled_weights()["nuclei_encoder"])
    assert sees_cells("nuclei")


def test_random_weights_are_named_by_themselves() -> None:
    known = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        known.append(open_feature_encoder("random", CPU)[1])
    assert known[0] == known[1] != known[2]
    assert len(known[0]) == 64


def test_inception_is_read_from_its_file_and_sees_no_single_cells(tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    torch.save(InceptionEncoder().network.state_dict(), path)
    encoder, known = open_feature_encoder(f"inception:{path}", CPU)
    assert isinstance(encoder, InceptionEncoder)
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    assert known == hash_of_weights(path)
    assert not sees_cells(f"inception:{path}")
    with pytest.raises(MissingWeightsError, match="none"):
        open_feature_encoder(f"inception:{tmp_path / 'none.pth'}", CPU)
