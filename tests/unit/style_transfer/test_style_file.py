import dataclasses
import json
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from adaptoscope.errors import InputError, OutputError
from adaptoscope.style_transfer import style_file
from adaptoscope.style_transfer.settings import USUAL, Preprocessing, preprocessing_of
from adaptoscope.style_transfer.style_file import (
    Style,
    StyleFacts,
    StyleImage,
    load_style,
    refuse_other_style,
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
        glow_shares=torch.full((rows, 5), 0.2),
        glow_diameter=torch.full((rows,), 12.0),
        glow_inside=torch.full((rows,), 0.1),
    )


def test_a_style_comes_back_as_it_was(tmp_path: Path) -> None:
    style = made_up_style()
    save_style(tmp_path / "sub" / "style.safetensors", style)
    again = load_style(tmp_path / "sub" / "style.safetensors")
    assert again.facts == style.facts
    torch.testing.assert_close(again.tokens, style.tokens)
    torch.testing.assert_close(again.residual_spectrum, style.residual_spectrum)


@pytest.mark.parametrize("name", ["tokens", "latent_sd", "residual_spectrum"])
def test_a_style_that_is_not_finite_is_not_stored(tmp_path: Path, name: str) -> None:
    style = made_up_style()
    getattr(style, name)[0] = torch.nan
    with pytest.raises(InputError, match=name):
        save_style(tmp_path / "sub" / "style.safetensors", style)
    assert not (tmp_path / "sub").exists()


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"backbone_sha256": "cd" * 32}, "another backbone"),
        ({"token_mode": "direct", "steps": 7}, "another token mode, number of steps"),
        ({"density_class": "low"}, "another density class"),
        ({"seed": 4}, "another seed"),
        ({"images": made_up_style((100.0,)).facts.images}, "another set of images"),
        ({"posterior": "sample"}, "another way of showing images"),
    ],
)
def test_a_style_does_not_take_the_place_of_another(
    tmp_path: Path, changes: dict[str, object], found: str
) -> None:
    style, path = made_up_style(), tmp_path / "style.safetensors"
    facts = dataclasses.replace(style.facts, **changes)
    refuse_other_style(path, facts)
    save_style(path, style)
    refuse_other_style(path, style.facts)
    with pytest.raises(OutputError) as caught:
        refuse_other_style(path, facts)
    assert caught.value.found == found


def test_a_file_that_is_no_style_is_not_replaced(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(2)}, tmp_path / "weights.safetensors")
    with pytest.raises(OutputError, match="no style"):
        refuse_other_style(tmp_path / "weights.safetensors", made_up_style().facts)


def keep(path: Path, style: Style, **facts: object) -> Path:
    """Write a style as it is, sound or not, with some facts changed."""
    tensors = {name: getattr(style, name).contiguous() for name in style_file._TENSORS}
    values = {"format": style_file.FORMAT, **dataclasses.asdict(style.facts), **facts}
    save_file(tensors, path, metadata={"adaptoscope": json.dumps(values)})
    return path


@pytest.mark.parametrize("name", style_file._TENSORS)
def test_tensors_that_do_not_fit_are_refused(tmp_path: Path, name: str) -> None:
    style = made_up_style()
    whole = getattr(style, name)
    infinite = whole.clone()
    infinite.view(-1)[-1] = torch.inf
    damages = {
        "row": whole[:1],
        "row too many": torch.cat([whole, whole[:1]]),
        "rank": whole[..., None],
        "nothing": whole[..., :0],
        "infinity": infinite,
        "whole numbers": whole.to(torch.int64),
    }
    if whole.dim() > 1 and name != "tokens":
        damages["side"] = torch.cat([whole, whole], dim=-1)
    for damage, tensor in damages.items():
        broken = dataclasses.replace(style, **{name: tensor})
        # Of channels the first tensor says how many there are; another one is then named.
        said = "latent_sd" if (name, damage) == ("latent_mean", "side") else name
        with pytest.raises(InputError, match="not a style") as caught:
            load_style(keep(tmp_path / "style.safetensors", broken))
        assert f"`{said}`" in caught.value.found, damage


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"intensity_low": 0.3}, "intensities from 0.3"),
        ({"intensity_high": float("nan")}, "intensity_high"),
        ({"cells_per_mpx": None}, "cells_per_mpx"),
        ({"cell_cover": "0.1"}, "cell_cover"),
        ({"name": 3}, "no text"),
    ],
)
def test_facts_of_an_image_that_make_no_sense_are_refused(
    tmp_path: Path, changes: dict[str, object], found: str
) -> None:
    style = made_up_style()
    images = [dataclasses.asdict(image) for image in style.facts.images]
    images[1] |= changes
    with pytest.raises(InputError, match="not a style") as caught:
        load_style(keep(tmp_path / "style.safetensors", style, images=images))
    assert found in caught.value.found


@pytest.mark.parametrize(
    "facts",
    [{"bit_depth": 12}, {"images": []}, {"images": [3]}, {"posterior": "median"},
     {"working_side": -1}],
    ids=str,
)  # fmt: skip
def test_facts_that_make_no_sense_are_refused(tmp_path: Path, facts: dict[str, object]) -> None:
    with pytest.raises(InputError, match="not a style"):
        load_style(keep(tmp_path / "style.safetensors", made_up_style(), **facts))


def test_facts_that_are_no_table_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "style.safetensors"
    save_file({"tokens": torch.zeros(1)}, path, metadata={"adaptoscope": '"words"'})
    with pytest.raises(InputError, match="not a style"):
        load_style(path)


def test_a_style_from_before_images_could_be_shown_otherwise_is_read(tmp_path: Path) -> None:
    style = made_up_style()
    facts = dataclasses.asdict(style.facts)
    for name in Preprocessing.model_fields:
        del facts[name]
    tensors = {name: getattr(style, name).contiguous() for name in style_file._TENSORS}
    path, values = tmp_path / "style.safetensors", {"format": style_file.FORMAT, **facts}
    save_file(tensors, path, metadata={"adaptoscope": json.dumps(values)})
    assert preprocessing_of(load_style(path).facts) == USUAL


def test_the_documented_tensors_and_format_are_those_that_are_written() -> None:
    contracts = (Path(__file__).parents[3] / "docs" / "data_contracts.md").read_text("utf-8")
    section = contracts.split("## Style file")[1].split("\n## ")[0]
    listed = "".join(section.partition("\n- ")[1:]).split("\n\n")[0]
    assert re.findall(r"`(\w+)`", listed) == list(style_file._TENSORS)
    assert f"`{style_file.FORMAT}`" in section


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
