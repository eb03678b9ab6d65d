from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from adaptoscope.errors import InputError
from adaptoscope.style_transfer.backbones.stable_diffusion.backbone import StableDiffusionBackbone
from adaptoscope.style_transfer.backbones.stable_diffusion.loading import load_stable_diffusion
from adaptoscope.style_transfer.backbones.stable_diffusion.settings import StableDiffusionSettings
from adaptoscope.style_transfer.backbones.stable_diffusion.single_file import read_checkpoint
from tests.unit.style_transfer.backbones.stable_diffusion.conftest import (
    assert_same_answers,
    configs_only,
)
from tests.unit.style_transfer.backbones.stable_diffusion.original_layout import (
    UNET,
    original_checkpoint,
)


@pytest.mark.parametrize("suffix", [".safetensors", ".ckpt"])
def test_a_single_file_opens_offline_and_answers_as_the_folder(
    loaded: StableDiffusionBackbone, model_folder: Path, tmp_path: Path, suffix: str
) -> None:
    file = tmp_path / f"model{suffix}"
    table = original_checkpoint(model_folder)
    if suffix == ".ckpt":
        torch.save({"state_dict": table, "global_step": 470000}, file)
    else:
        save_file(table, file)
    base = configs_only(model_folder, tmp_path / "base")
    settings = StableDiffusionSettings(model=str(file), base=str(base))
    assert_same_answers(load_stable_diffusion(settings), loaded)


def test_a_single_file_that_lacks_a_tensor_is_refused(model_folder: Path, tmp_path: Path) -> None:
    table = original_checkpoint(model_folder)
    del table[f"{UNET}middle_block.1.norm.weight"]
    save_file(table, tmp_path / "model.safetensors")
    base = configs_only(model_folder, tmp_path / "base")
    settings = StableDiffusionSettings(model=str(tmp_path / "model.safetensors"), base=str(base))
    with pytest.raises(InputError, match=r"mid_block\.attentions\.0\.norm\.weight"):
        load_stable_diffusion(settings)


def test_a_checkpoint_with_code_in_it_is_refused_and_not_run(tmp_path: Path) -> None:
    class Malicious:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return exec, (f"open({str(tmp_path / 'ran')!r}, 'w')",)

    torch.save({"state_dict": Malicious()}, tmp_path / "model.ckpt")
    with pytest.raises(InputError, match="cannot be read"):
        read_checkpoint(tmp_path / "model.ckpt")
    assert not (tmp_path / "ran").exists()
