import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tests.unit.style_transfer.stable_diffusion.conftest import (
    configs_only,
)

from adaptoscope.errors import MissingWeightsError
from adaptoscope.style_transfer.stable_diffusion.loading import load_stable_diffusion
from adaptoscope.style_transfer.stable_diffusion.settings import StableDiffusionSettings
from adaptoscope.style_transfer.stable_diffusion.sources import hash_of_model


def test_a_single_file_without_configs_says_what_to_copy(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "model.safetensors")
    with pytest.raises(MissingWeightsError) as caught:
        load_stable_diffusion(StableDiffusionSettings(model=str(tmp_path / "model.safetensors")))
    assert "tokenizer/vocab.json" in caught.value.expected
    assert "--backbone compact" in caught.value.remedy


@pytest.mark.parametrize(
    ("field", "name"), [("model", "nobody/nothing"), ("clip", "nobody/clip"), ("model", "a b")]
)
def test_missing_weights_are_named_without_asking_the_network(
    settings: StableDiffusionSettings,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    field: str,
    name: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingWeightsError) as caught:
        load_stable_diffusion(settings.changed(**{field: name}))
    assert name in str(caught.value)
    assert field in str(caught.value)
    assert "--backbone compact" in caught.value.remedy


def test_a_folder_without_weights_names_the_first_that_is_absent(
    model_folder: Path, tmp_path: Path
) -> None:
    base = configs_only(model_folder, tmp_path / "base")
    with pytest.raises(MissingWeightsError) as caught:
        load_stable_diffusion(StableDiffusionSettings(model=str(base)))
    assert caught.value.found == "no unet/diffusion_pytorch_model.safetensors"


def test_the_hash_follows_the_weights(model_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model_folder, folder)
    first, copied = (
        hash_of_model(StableDiffusionSettings(model=str(each))) for each in (model_folder, folder)
    )
    save_file({"a": torch.zeros(1)}, folder / "vae" / "diffusion_pytorch_model.safetensors")
    assert first == copied
    assert first != hash_of_model(StableDiffusionSettings(model=str(folder)))
