"""Put a style's token where the placeholder stands, and read the prompt with the text tower."""

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from adaptoscope.errors import SettingsError

if TYPE_CHECKING:
    from transformers import CLIPTextModel, CLIPTokenizer


class PromptReader(nn.Module):
    """The text tower of Stable Diffusion; a word of its prompt stands for the style."""

    def __init__(
        self,
        text_tower: "CLIPTextModel",
        tokeniser: "CLIPTokenizer",
        prompt: str,
        placeholder: str,
    ) -> None:
        super().__init__()
        self.text_tower = text_tower
        self.tokeniser = tokeniser
        length = text_tower.config.max_position_embeddings
        ids = tokenise(tokeniser, prompt, length)
        places = ids[0] == placeholder_id(tokeniser, placeholder)
        if not places.any():
            raise SettingsError(
                "The prompt lacks its placeholder, so that no style can enter.",
                expected=f"a prompt with the word {placeholder!r} in it",
                found=repr(prompt),
                remedy="change `prompt`, or name the word in it as `placeholder`",
            )
        self.register_buffer("ids", ids, persistent=False)
        self.register_buffer("places", places, persistent=False)
        self.register_buffer("empty_ids", tokenise(tokeniser, "", length), persistent=False)
        self.ids: torch.Tensor
        self.places: torch.Tensor
        self.empty_ids: torch.Tensor

    @property
    def width(self) -> int:
        """Length of a token."""
        return int(self.text_tower.config.hidden_size)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return the states of the prompt, shape (B, 77, D), each row with its own style.

        Tokens are (B, K, D): one for every place of the placeholder, or K for K places in their
        order.
        """
        count = int(self.places.sum())
        if tokens.shape[1] not in (1, count):
            raise SettingsError(
                "The style has another number of tokens than the prompt has places for them.",
                expected=f"1 token, or {count} for {count} placeholder(s)",
                found=f"{tokens.shape[1]} tokens",
                remedy="repeat the placeholder in `prompt`, or learn the style with one token",
            )
        words = word_embeddings(self.text_tower, self.ids)
        rows = words.expand(len(tokens), -1, -1).clone()
        rows[:, self.places] = tokens.to(rows.dtype).expand(-1, count, -1)
        return encode_embeddings(self.text_tower, rows)

    def empty(self) -> torch.Tensor:
        """Return the states of the empty prompt, shape (1, 77, D)."""
        return encode_embeddings(self.text_tower, word_embeddings(self.text_tower, self.empty_ids))

    def initial_token(self, word: str, generator: torch.Generator) -> torch.Tensor:
        """Return a token to begin learning with, shape (D,).

        That is the embedding of a word; if it is empty, numbers are drawn, by a generator on the
        processor, that are spread as the vocabulary's embeddings are.
        """
        if word:
            number = self.ids.new_tensor([[placeholder_id(self.tokeniser, word)]])
            return word_embeddings(self.text_tower, number)[0, 0].float()
        table: torch.Tensor = _parts(self.text_tower).embeddings.token_embedding.weight.float()
        drawn = torch.randn(self.width, generator=generator).to(table.device)
        return table.mean(0) + table.std(0) * drawn


def tokenise(tokeniser: "CLIPTokenizer", text: str, length: int) -> torch.Tensor:
    """Return the token ids of a text, padded to the length of the tower, shape (1, length)."""
    found = tokeniser(
        text, padding="max_length", max_length=length, truncation=True, return_tensors="pt"
    )
    ids: torch.Tensor = found.input_ids
    return ids


def placeholder_id(tokeniser: "CLIPTokenizer", word: str) -> int:
    """Return the id of a word that must be one ordinary token."""
    ids = tokeniser(word, add_special_tokens=False).input_ids
    if len(ids) != 1 or ids[0] in tokeniser.all_special_ids:
        found = "no word of the vocabulary" if len(ids) == 1 else f"{len(ids)} tokens"
        raise SettingsError(
            f"The word {word!r} cannot stand for a style.",
            expected="a word that the tokeniser turns into a single ordinary token",
            found=found,
            remedy="choose another word, such as '*'",
        )
    return int(ids[0])


def word_embeddings(text_tower: "CLIPTextModel", ids: torch.Tensor) -> torch.Tensor:
    """Return the embeddings of tokens before positions are added, shape (B, S, D)."""
    embeddings: torch.Tensor = _parts(text_tower).embeddings.token_embedding(ids)
    return embeddings


def encode_embeddings(text_tower: "CLIPTextModel", embeddings: torch.Tensor) -> torch.Tensor:
    """Read token embeddings, shape (B, S, D): positions, causal encoder, final norm.

    Returned is what the model itself returns as its last hidden state.
    """
    parts = _parts(text_tower)
    states = parts.embeddings(inputs_embeds=embeddings)
    length = states.shape[1]
    later = torch.ones(length, length, dtype=torch.bool, device=states.device).triu(1)
    mask = states.new_zeros(length, length).masked_fill(later, float("-inf"))
    encoded = parts.encoder(inputs_embeds=states, attention_mask=mask[None, None])
    normed: torch.Tensor = parts.final_layer_norm(encoded.last_hidden_state)
    return normed


def _parts(text_tower: "CLIPTextModel") -> Any:
    """Return what holds embeddings, encoder and norm: the model itself since transformers 5.6."""
    return getattr(text_tower, "text_model", text_tower)
