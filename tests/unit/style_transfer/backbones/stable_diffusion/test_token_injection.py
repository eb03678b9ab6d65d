import pytest
import torch
from transformers import CLIPTokenizer

from adaptoscope.errors import SettingsError
from adaptoscope.style_transfer.backbones.stable_diffusion.backbone import StableDiffusionBackbone
from adaptoscope.style_transfer.backbones.stable_diffusion.token_injection import (
    PromptReader,
    placeholder_id,
    tokenise,
    word_embeddings,
)
from tests.unit.style_transfer.backbones.stable_diffusion.conftest import LENGTH, WIDTH


@pytest.fixture
def reader(diffusion: StableDiffusionBackbone) -> PromptReader:
    return diffusion.prompt


def reader_of(reader: PromptReader, prompt: str, placeholder: str = "*") -> PromptReader:
    return PromptReader(reader.text_tower, reader.tokeniser, prompt, placeholder)


def some_tokens(rows: int, count: int = 1, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, count, WIDTH, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("prompt", ["*", "a cell * x"])
def test_an_ordinary_word_in_the_placeholder_reads_as_clip_reads_it(
    reader: PromptReader, prompt: str
) -> None:
    number = placeholder_id(reader.tokeniser, "cell")
    word = word_embeddings(reader.text_tower, torch.tensor([[number]]))
    ids = tokenise(reader.tokeniser, prompt.replace("*", "cell"), LENGTH)
    with torch.no_grad():
        expected = reader.text_tower(ids).last_hidden_state
        torch.testing.assert_close(reader_of(reader, prompt)(word), expected)


def test_the_empty_prompt_reads_as_clip_reads_it(reader: PromptReader) -> None:
    ids = tokenise(reader.tokeniser, "", LENGTH)
    with torch.no_grad():
        torch.testing.assert_close(reader.empty(), reader.text_tower(ids).last_hidden_state)


def test_nothing_before_the_placeholder_knows_of_it(reader: PromptReader) -> None:
    with torch.no_grad():
        first, second = reader_of(reader, "a *")(some_tokens(2))
    assert torch.equal(first[:2], second[:2])
    assert not torch.isclose(first[2:], second[2:]).all()


def test_a_batch_reads_each_row_with_its_own_token(reader: PromptReader) -> None:
    tokens = some_tokens(3)
    with torch.no_grad():
        together = reader(tokens)
        alone = torch.cat([reader(token[None]) for token in tokens])
    torch.testing.assert_close(together, alone)
    assert not torch.isclose(together[0], together[1]).all()


def test_several_places_take_one_token_or_one_each(reader: PromptReader) -> None:
    twice = reader_of(reader, "* a *")
    one = some_tokens(2)
    with torch.no_grad():
        torch.testing.assert_close(twice(one), twice(one.expand(-1, 2, -1)))
    with pytest.raises(SettingsError, match="3 tokens"):
        twice(some_tokens(1, 3))


def test_the_gradient_reaches_the_token(reader: PromptReader) -> None:
    token = some_tokens(1).requires_grad_()
    reader(token).square().sum().backward()
    assert token.grad is not None
    assert token.grad.abs().sum() > 0


@pytest.mark.parametrize("prompt", ["", "a cell"])
def test_a_prompt_without_its_placeholder_is_refused(reader: PromptReader, prompt: str) -> None:
    with pytest.raises(SettingsError, match="lacks its placeholder"):
        reader_of(reader, prompt)


@pytest.mark.parametrize(
    ("word", "found"), [("xx", "2 tokens"), ("a cell", "2 tokens"), ("", "0 tokens")]
)
def test_a_placeholder_of_several_tokens_is_refused(
    reader: PromptReader, word: str, found: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        reader_of(reader, f"{word} a", word)
    assert caught.value.found == found


def test_an_unknown_word_does_not_stand_for_the_padding(reader: PromptReader) -> None:
    assert reader.tokeniser("?", add_special_tokens=False).input_ids == [
        reader.tokeniser.pad_token_id
    ]
    with pytest.raises(SettingsError, match="no word of the vocabulary"):
        reader_of(reader, "?", "?")


def test_the_first_token_is_a_word_or_drawn_by_seed(reader: PromptReader) -> None:
    generators = [torch.Generator().manual_seed(seed) for seed in (0, 0, 1)]
    drawn = [reader.initial_token("", generator) for generator in generators]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    number = placeholder_id(reader.tokeniser, "cell")
    word = reader.initial_token("cell", generators[0])
    assert torch.equal(word, word_embeddings(reader.text_tower, torch.tensor([number]))[0])


def test_the_tokeniser_pads_as_stable_diffusion_does(reader: PromptReader) -> None:
    assert isinstance(reader.tokeniser, CLIPTokenizer)
    ids = tokenise(reader.tokeniser, "*", LENGTH)[0].tolist()
    bos, eos = reader.tokeniser.bos_token_id, reader.tokeniser.eos_token_id
    assert ids == [bos, placeholder_id(reader.tokeniser, "*"), *[eos] * (LENGTH - 2)]
