"""Finished networks in ONNX Runtime against the same networks in torch."""

import numpy as np
import pytest
import torch

from adaptoscope.inference.network import OnnxNetwork
from adaptoscope.networks.torch_network import TorchNetwork
from adaptoscope.pretrained.bundled import bundled_weights
from adaptoscope.pretrained.encoders import load_encoder
from adaptoscope.translation.intensities import IntensityInterval, StainIntensities
from adaptoscope.translation.model_folder import TranslatorRecord, open_translator
from adaptoscope.translation.predict import predict_stains
from adaptoscope.translation.trained_model import load_translator, write_translator
from adaptoscope.translation.unet import BorrowedSkipsUNet, StainUNet

SUM = 1e-4
"""Largest difference of a sum, relative to it."""


@pytest.mark.parametrize("skips", ["own", "source"])
@pytest.mark.parametrize(
    ("norm", "at_test"), [("instance", "running"), ("batch", "running"), ("batch", "batch")]
)
def test_a_stain_network_predicts_as_it_was_trained(norm, at_test, skips, tmp_path):
    torch.manual_seed(1)
    network = StainUNet(2, 4, norm=norm)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0.0, 0.1)
            module.running_var.uniform_(0.5, 2.0)
    span = IntensityInterval(low=0.1, high=0.6)
    adapted = None
    if skips == "source":
        network = BorrowedSkipsUNet(network, network, 3)
        adapted = {
            "source": "s",
            "source_sha256": "0",
            "method": "layers",
            "layers": (3,),
            "skips": "source",
        }
    record = TranslatorRecord.model_validate(
        {
            "width": 4,
            "norm": norm,
            "norm_at_test": at_test,
            "adapted": adapted,
            "intensities": StainIntensities(
                bit_depth=16, given=span, stains={"dapi": span, "actin": span}
            ),
        }
    )
    write_translator(tmp_path, record, network, card="card")
    pixels = np.random.default_rng(0).random((300, 260), dtype=np.float32)

    finished = predict_stains(open_translator(tmp_path), pixels)

    expected = predict_stains(load_translator(tmp_path), pixels)
    assert finished.shape == (2, 300, 260)
    np.testing.assert_allclose(finished, expected, atol=1e-5)
    assert finished.sum() == pytest.approx(expected.sum(), rel=SUM)


def test_the_encoder_without_torch_sees_what_its_weights_see():
    features = OnnxNetwork(bundled_weights()["nuclei_features"])
    encoder = TorchNetwork(load_encoder("nuclei").eval())
    images = np.random.default_rng(0).random((2, 1, 96, 128), dtype=np.float32)

    expected = encoder(images).mean(axis=(2, 3))

    np.testing.assert_allclose(features(images), expected, atol=1e-4 * np.abs(expected).max())
