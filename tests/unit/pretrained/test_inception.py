from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from adaptoscope.errors import InputError, MissingWeightsError
from adaptoscope.pretrained.inception import SIDE, InceptionEncoder, load_inception

FEATURES = 2048


@pytest.fixture(scope="module")
def original() -> Any:
    """torchvision's own network with random weights and statistics that are not those at birth."""
    models = pytest.importorskip("torchvision").models
    torch.manual_seed(0)
    network = models.inception_v3(weights=None, aux_logits=True, init_weights=False)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return network.eval()


@pytest.fixture(scope="module")
def saved(original: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("inception") / "inception.pth"
    torch.save(original.state_dict(), path)
    return path


@torch.inference_mode()
def test_the_features_are_those_of_torchvision_before_its_classifier(
    original: Any, saved: Path
) -> None:
    """With ImageNet weights torchvision is given [0, 1] and turns it into -1 to 1."""
    encoder = load_inception(saved).eval()
    images = torch.rand(2, 1, SIDE, SIDE)
    seen: list[torch.Tensor] = []
    hook = original.avgpool.register_forward_hook(lambda _, __, found: seen.append(found))
    original(2 * images.expand(-1, 3, -1, -1) - 1)
    hook.remove()
    pooled = encoder(images).mean((2, 3))
    assert pooled.shape == (2, FEATURES)
    torch.testing.assert_close(pooled, seen[0].flatten(1), rtol=1e-3, atol=1e-5)


@torch.inference_mode()
def test_images_of_any_size_are_seen_from_background_to_cells(saved: Path) -> None:
    encoder = load_inception(saved).eval()
    small = torch.rand(1, 1, 64, 80)
    features, stages = encoder.with_stages(4 * small - 1)
    assert features.shape == (1, FEATURES, 8, 8)
    assert stages == []
    torch.testing.assert_close(features, encoder((4 * small - 1).clamp(0, 1)))
    assert not torch.allclose(features, encoder(small))


def test_both_forms_of_file_hold_the_same(saved: Path, tmp_path: Path) -> None:
    tensors = torch.load(saved, weights_only=True)
    body = {name: each for name, each in tensors.items() if not name.startswith(("fc.", "Aux"))}
    save_file(body, tmp_path / "inception.safetensors")
    one, other = (
        load_inception(path).state_dict() for path in (saved, tmp_path / "inception.safetensors")
    )
    assert all(torch.equal(one[name], other[name]) for name in one)
    old = {name: each for name, each in tensors.items() if "num_batches" not in name}
    torch.save(old, tmp_path / "old.pth")
    assert load_inception(tmp_path / "old.pth").state_dict().keys() == one.keys()


def test_a_missing_file_is_named_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(MissingWeightsError, match=r"none\.pth") as caught:
        load_inception(tmp_path / "none.pth")
    assert "torchvision" in str(caught.value)


def test_weights_of_something_else_are_refused(tmp_path: Path) -> None:
    own = InceptionEncoder().network.state_dict()
    name = next(iter(own))
    wrong: list[object] = [
        {"weight": torch.zeros(3)},
        own | {"extra": torch.zeros(1)},
        own | {name: torch.zeros(1)},
        {key: each for key, each in own.items() if key != name},
    ]
    for content in wrong:
        torch.save(content, tmp_path / "w.pth")
        with pytest.raises(InputError, match="not those of Inception"):
            load_inception(tmp_path / "w.pth")


def test_what_is_no_table_of_tensors_is_not_read(tmp_path: Path) -> None:
    contents: list[object] = [[1, 2], Path("executed"), {"weight": "text"}]
    for content in contents:
        torch.save(content, tmp_path / "w.pth")
        with pytest.raises(InputError, match="cannot be read"):
            load_inception(tmp_path / "w.pth")
