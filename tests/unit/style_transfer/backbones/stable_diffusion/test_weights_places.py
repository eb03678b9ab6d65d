import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from adaptoscope.errors import MissingWeightsError
from adaptoscope.style_transfer.backbones.stable_diffusion.loading import load_stable_diffusion
from adaptoscope.style_transfer.backbones.stable_diffusion.settings import StableDiffusionSettings
from adaptoscope.style_transfer.backbones.stable_diffusion.weights_places import hash_of_model
from tests.unit.style_transfer.backbones.stable_diffusion.conftest import (
    configs_only,
)


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


def test_the_hash_follows_what_the_model_is_told(settings: StableDiffusionSettings) -> None:
    first = hash_of_model(settings)
    others = ({"prompt": "* cell"}, {"placeholder": "cell"}, {"weights": "bfloat16"})
    found = {hash_of_model(settings.changed(**other)) for other in others}
    assert len(found | {first}) == 4
    assert hash_of_model(settings.changed(gradient_checkpointing=True, clip="")) == first


def test_a_renamed_checkpoint_keeps_its_hash(tmp_path: Path, model_folder: Path) -> None:
    hashes = []
    for name in ("one.safetensors", "other.ckpt"):
        (tmp_path / name).write_bytes(b"weights")
        hashes.append(hash_of_model(StableDiffusionSettings(model=str(tmp_path / name))))
    assert hashes[0] == hashes[1]


def test_the_hash_follows_an_encoder_and_its_clip(
    settings: StableDiffusionSettings, clip_folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "encoder.safetensors"
    told = settings.changed(encoder=str(path))
    with pytest.raises(MissingWeightsError, match="encoder"):
        hash_of_model(told)
    other_clip = shutil.copytree(clip_folder, tmp_path / "clip")
    save_file({"a": torch.zeros(1)}, other_clip / "model.safetensors")
    found = [hash_of_model(settings)]
    for content in (b"one", b"other"):
        path.write_bytes(content)
        found.append(hash_of_model(told))
    found.append(hash_of_model(told.changed(clip=str(other_clip))))
    assert len(set(found)) == 4
