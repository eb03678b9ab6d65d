from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from adaptoscope.errors import InputError
from adaptoscope.style_transfer.style_file import (
    Style,
    StyleFacts,
    StyleImage,
    load_style,
    save_style,
)


def made_up_style(densities: tuple[float, ...] = (100.0, 900.0)) -> Style:
    images = tuple(
        StyleImage(f"{index}.png", f"{index:064d}", "train", 0.01, 0.3, density, 12.0, 0.004, 0.1)
        for index, density in enumerate(densities)
    )
    rows = len(densities)
    return Style(
        facts=StyleFacts("compact", "ab" * 32, "zero_shot", "", 8, 0.5, "", 3, 0, images),
        tokens=torch.rand(rows, 2, 16),
        latent_mean=torch.rand(rows, 4),
        latent_sd=torch.rand(rows, 4) + 0.5,
        cell_mean=torch.rand(rows, 4) + 1.0,
        cell_sd=torch.rand(rows, 4) + 0.5,
        ground_mean=torch.rand(rows, 4) - 1.0,
        ground_sd=torch.rand(rows, 4) + 0.1,
        residual_levels=torch.linspace(-1, 1, 8).expand(rows, 8).clone(),
        residual_strengths=torch.full((rows, 8), 0.02),
        residual_spectrum=torch.ones(rows, 64, 64),
    )


def test_a_style_comes_back_as_it_was(tmp_path: Path) -> None:
    style = made_up_style()
    save_style(tmp_path / "sub" / "style.safetensors", style)
    again = load_style(tmp_path / "sub" / "style.safetensors")
    assert again.facts == style.facts
    torch.testing.assert_close(again.tokens, style.tokens)
    torch.testing.assert_close(again.residual_spectrum, style.residual_spectrum)


def test_a_missing_style_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a style"):
        load_style(tmp_path / "none.safetensors")


@pytest.mark.parametrize("content", [b"", b"no tensors here", b"\x80\x04K\x01."])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "style.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a style"):
        load_style(path)


def test_other_tensors_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file({"weight": torch.zeros(2)}, path)
    with pytest.raises(InputError) as caught:
        load_style(path)
    assert "style learn" in caught.value.expected
