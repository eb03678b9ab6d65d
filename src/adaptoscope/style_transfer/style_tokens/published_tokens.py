"""Import the embedding files that paper 1's code writes, without executing anything in them.

Such a file is a pickled table: the placeholder's token ids, and the whole encoder as a Python
object. It is read with PyTorch's restricted unpickler, in which the few class names that belong to
it stand for empty shells; any other name ends the reading. Only the tensors are kept.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from adaptoscope.errors import InputError, OutputError
from adaptoscope.style_transfer.backbones.stable_diffusion.encoder_file import (
    encoder_of,
    load_style_encoder,
    save_style_encoder,
)
from adaptoscope.style_transfer.backbones.stable_diffusion.restricted_reading import (
    RefusedReadingError,
    Shell,
    read_restricted,
)
from adaptoscope.style_transfer.backbones.stable_diffusion.style_encoder import (
    EncoderFacts,
    StyleEncoder,
)
from adaptoscope.style_transfer.tensor_file import refuse_other_name

ALLOWED_CLASSES = (
    "ldm.modules.embedding_manager.Attentions",
    "ldm.modules.attention.CrossAttention",
    "torch.nn.modules.container.ModuleList",
    "torch.nn.modules.container.Sequential",
    "torch.nn.modules.dropout.Dropout",
    "torch.nn.modules.linear.Linear",
)
"""Names that may occur in a published file; each becomes a shell without behaviour."""

_NAMES = {
    "attn1.to_q": "first.query",
    "attn1.to_k": "first.key",
    "attn1.to_v": "first.value",
    "attn1.to_out.0": "first.output",
    "attn2.to_q": "second.query",
    "attn2.to_k": "second.key",
    "attn2.to_v": "second.value",
    "attn2.to_out.0": "second.output",
    "net.1": "final.1",
}
# Modules within modules: a loop of shells would have no end.
_DEEPEST = 8


@dataclass(frozen=True)
class PublishedTokens:
    """What a published file holds; the encoder's token replaces the word `placeholder`."""

    encoder: StyleEncoder
    placeholder: str


def read_published_tokens(path: Path) -> PublishedTokens:
    """Read a ``.pt`` file as the public code of paper 1, or of InST, saves it."""
    try:
        content = read_restricted(path, ALLOWED_CLASSES)
    except RefusedReadingError as error:
        raise _refusal(path, str(error)) from error
    if not isinstance(content, dict) or not isinstance(content.get("attention"), Shell):
        raise _refusal(path, "no style encoder under the name `attention`")
    word = _placeholder(path, content.get("string_to_token"))
    try:
        tensors = {
            _our_name(name): tensor.detach().float()
            for name, tensor in _parameters(content["attention"])
        }
        encoder = encoder_of(tensors)
    except (KeyError, RuntimeError, ValueError, TypeError, AttributeError) as error:
        found = " ".join(str(error).split())[:200]
        raise _refusal(path, f"an encoder of another kind: {found}") from error
    return PublishedTokens(encoder, word)


def import_published_tokens(source: Path, out: Path, *, overwrite: bool = False) -> EncoderFacts:
    """Convert a published embedding file to a style encoder that this program reads.

    It works with Stable Diffusion 1.4 only, and only with the cast to whole numbers that the
    published code does, which is kept with it. With `overwrite` a file that holds anything but this
    encoder is replaced; never the source.
    """
    refuse_other_name(out, "style encoder")
    _refuse_own_source(source, out)
    published = read_published_tokens(source)
    facts = EncoderFacts(
        token_mode="encoder",
        clip_input="legacy_uint8",
        clip_fit="squash",
        placeholder=published.placeholder,
        source=f"published embedding file {source.name}",
    )
    if not overwrite:
        _refuse_other_encoder(out, published.encoder, facts)
    save_style_encoder(out, published.encoder, facts)
    return facts


def _refuse_own_source(source: Path, out: Path) -> None:
    """Refuse one file under two names, be it by a link or by letters of another case."""
    one, other = (str(path.resolve()).casefold() for path in (source, out))
    linked = source.exists() and out.exists() and source.samefile(out)
    if one == other or linked:
        raise OutputError(
            f"The encoder would take the place of {source}, which it is read from.",
            expected="another file, so that the published one stays",
            found="the same file twice",
            remedy="choose another name for the encoder",
        )


def _refuse_other_encoder(out: Path, encoder: StyleEncoder, facts: EncoderFacts) -> None:
    if not out.exists():
        return
    found = "a file that is no style encoder"
    try:
        there, known = load_style_encoder(out)
        weights, own = there.state_dict(), encoder.state_dict()
        same = weights.keys() == own.keys() and all(
            torch.equal(weights[name], tensor) for name, tensor in own.items()
        )
        if same and known == facts:
            return
        found = "another style encoder"
    except InputError:
        pass
    raise OutputError(
        f"The file {out} holds something else than the encoder that would be written.",
        expected="no file, or the same encoder",
        found=found,
        remedy="choose another name, or pass --overwrite to replace it",
    )


def _placeholder(path: Path, table: object) -> str:
    if isinstance(table, Mapping) and len(table) == 1:
        ((word, number),) = table.items()
        one = isinstance(number, torch.Tensor) and number.numel() == 1
        if isinstance(word, str) and (one or isinstance(number, int)):
            return word
    raise _refusal(path, "not exactly one placeholder under the name `string_to_token`")


def _parameters(shell: Any, stem: str = "", depth: int = 0) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the named tensors of a module's shell; a loop of shells is refused."""
    if depth > _DEEPEST:
        raise ValueError("modules within modules without end")
    for name, tensor in shell._parameters.items():
        if isinstance(tensor, torch.Tensor):
            yield f"{stem}{name}", tensor
    for name, inner in shell._modules.items():
        if isinstance(inner, Shell):
            yield from _parameters(inner, f"{stem}{name}.", depth + 1)


def _our_name(name: str) -> str:
    module, _, end = name.rpartition(".")
    return f"{_NAMES[module]}.{end}"


def _refusal(path: Path, found: str) -> InputError:
    return InputError(
        f"{path} is not a published embedding file that can be used.",
        expected="the style encoder of InST-Microscopy or InST, as its code saves it",
        found=found,
        remedy="make sure of where the file comes from, or learn the tokens from the images",
    )
