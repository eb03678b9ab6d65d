import dataclasses
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from adaptoscope.errors import InputError
from adaptoscope.style_transfer.style_tokens.token_file import (
    LearntTokens,
    TokenFacts,
    load_tokens,
    refined_style,
    save_tokens,
    style_of_class,
)
from tests.unit.style_transfer.test_style_file import made_up_style

STYLE = made_up_style((100.0, 300.0, 500.0))
HASHES = tuple(image.sha256 for image in STYLE.facts.images)


def learnt(rows: tuple[int, ...], **facts: object) -> LearntTokens:
    hashes = tuple(HASHES[row] for row in rows)
    known = TokenFacts("compact", "ab" * 32, "direct", "", "low", 7, 1, hashes)
    tokens = torch.full((len(rows), 2, 16), 9.0) + torch.tensor(rows)[:, None, None]
    return LearntTokens(dataclasses.replace(known, **facts), tokens)


def test_tokens_come_back_as_they_were(tmp_path: Path) -> None:
    tokens = learnt((2, 0))
    save_tokens(tmp_path / "sub" / "tokens.safetensors", tokens)
    again = load_tokens(tmp_path / "sub" / "tokens.safetensors")
    assert again.facts == tokens.facts
    assert torch.equal(again.tokens, tokens.tokens)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_tokens_that_are_not_finite_are_not_stored(tmp_path: Path, value: float) -> None:
    tokens = learnt((0,))
    tokens.tokens[0, 0, 0] = value
    with pytest.raises(InputError, match="not finite"):
        save_tokens(tmp_path / "sub" / "tokens.safetensors", tokens)
    assert not (tmp_path / "sub").exists()


@pytest.mark.parametrize("content", [b"", b"no tensors here", b"\x80\x04K\x01."])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tokens.safetensors").write_bytes(content)
    with pytest.raises(InputError, match="no style tokens"):
        load_tokens(tmp_path / "tokens.safetensors")


def test_other_tensors_are_refused(tmp_path: Path) -> None:
    save_file({"tokens": torch.zeros(2)}, tmp_path / "tokens.safetensors")
    with pytest.raises(InputError, match="no style tokens"):
        load_tokens(tmp_path / "tokens.safetensors")


def test_learnt_tokens_take_the_place_of_those_read_off() -> None:
    style = refined_style(STYLE, [learnt((2, 0))])
    assert [image.sha256 for image in style.facts.images] == [HASHES[0], HASHES[2]]
    assert style.tokens[:, 0, 0].tolist() == [9.0, 11.0]
    assert torch.equal(style.latent_mean, STYLE.latent_mean[[0, 2]])
    assert torch.equal(style.residual_spectrum, STYLE.residual_spectrum[[0, 2]])
    facts = style.facts
    assert (facts.token_mode, facts.steps, facts.seed) == ("direct", 7, 1)
    assert facts.density_class == "low"
    assert facts.bit_depth == STYLE.facts.bit_depth


def test_classes_join_into_one_style() -> None:
    style = refined_style(STYLE, [learnt((2,), density_class="high"), learnt((0, 1))])
    assert style.tokens[:, 0, 0].tolist() == [9.0, 10.0, 11.0]
    assert style.facts.density_class == "high, low"


def test_a_class_has_the_rows_of_its_own_images() -> None:
    joined = refined_style(STYLE, [learnt((2,), density_class="high"), learnt((0, 1))])
    low, high = style_of_class(joined, "low"), style_of_class(joined, "high")
    assert [image.sha256 for image in low.facts.images] == [HASHES[0], HASHES[1]]
    assert (low.facts.density_class, high.facts.density_class) == ("low", "high")
    assert high.tokens[:, 0, 0].tolist() == [11.0]
    assert torch.equal(low.latent_mean, STYLE.latent_mean[[0, 1]])
    assert (low.facts.steps, low.facts.token_mode) == (7, "direct")


def test_a_class_without_images_is_refused() -> None:
    with pytest.raises(InputError, match="density class medium"):
        style_of_class(refined_style(STYLE, [learnt((0, 1))]), "medium")


@pytest.mark.parametrize(
    "tokens",
    [
        [],
        [learnt((0,)), learnt((0, 1))],
        [learnt((0,)), learnt((1,), token_mode="encoder")],
        [learnt((0,), backbone_sha256="cd" * 32)],
        [learnt((0,), images=("elsewhere",))],
    ],
    ids=["none", "twice", "modes", "backbones", "unknown"],
)
def test_tokens_that_do_not_fit_the_style_are_refused(tokens: list[LearntTokens]) -> None:
    with pytest.raises(InputError, match="do not fit"):
        refined_style(STYLE, tokens)
