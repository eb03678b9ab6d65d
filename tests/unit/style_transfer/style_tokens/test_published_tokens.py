import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn

from adaptoscope.errors import InputError, OutputError
from adaptoscope.style_transfer.backbones.stable_diffusion.encoder_file import load_style_encoder
from adaptoscope.style_transfer.style_tokens.published_tokens import (
    import_published_tokens,
    read_published_tokens,
)

# Token width of the made-up files; 768 in the published ones. Heads are 8, as there.
WIDTH, HEADS, HEAD_WIDTH = 16, 8, 2


class CrossAttention(nn.Module):
    """Same attributes as the published class, as far as they are pickled."""

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = HEADS * HEAD_WIDTH
        self.scale, self.heads = HEAD_WIDTH**-0.5, HEADS
        self.to_q = nn.Linear(width, inner, bias=False)
        self.to_k = nn.Linear(width, inner, bias=False)
        self.to_v = nn.Linear(width, inner, bias=False)
        self.to_out = nn.Sequential(nn.Linear(inner, width), nn.Dropout(0.05))

    def forward(self, x: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        q, k, v = self.to_q(x), self.to_k(context), self.to_v(context)
        q, k, v = (t.unflatten(-1, (HEADS, -1)).transpose(1, 2) for t in (q, k, v))
        mixed = (q @ k.transpose(-1, -2) * self.scale).softmax(-1) @ v
        return self.to_out(mixed.transpose(1, 2).flatten(2))


class Attentions(nn.Module):
    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.attn1 = CrossAttention(width)
        self.attn2 = CrossAttention(width)
        self.net = nn.Sequential(nn.Dropout(0.05), nn.Linear(width, width))

    def forward(self, x: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        return self.net(self.attn2(self.attn1(x, x), context))


@pytest.fixture
def published_classes(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Give the classes their published addresses; the returned function takes them away."""
    homes = {Attentions: "ldm.modules.embedding_manager", CrossAttention: "ldm.modules.attention"}
    for kind, home in homes.items():
        module = ModuleType(home)
        setattr(module, kind.__name__, kind)
        monkeypatch.setattr(kind, "__module__", home)
        for name in ("ldm", "ldm.modules"):
            monkeypatch.setitem(sys.modules, name, ModuleType(name))
        monkeypatch.setitem(sys.modules, home, module)

    def vanish() -> None:
        for name in ("ldm", "ldm.modules", *homes.values()):
            monkeypatch.delitem(sys.modules, name)

    return vanish


def write_published(path: Path, encoder: nn.Module, **changes: object) -> None:
    table = {"string_to_token": {"*": torch.tensor(265)}, "attention": encoder}
    torch.save(table | changes, path)


def test_a_published_file_becomes_an_encoder_that_answers_the_same(
    published_classes: Callable[[], None], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    original = Attentions().eval()
    write_published(tmp_path / "embeddings.pt", original)
    published_classes()
    found = read_published_tokens(tmp_path / "embeddings.pt")
    assert found.placeholder == "*"
    views = torch.randn(4, 1, WIDTH)
    with torch.no_grad():
        torch.testing.assert_close(found.encoder(views), original(views, views))
        many = torch.randn(2, 5, WIDTH)
        torch.testing.assert_close(found.encoder(many), original(many, many)[:, :1])


def test_the_importer_keeps_how_the_encoder_must_be_fed(
    published_classes: Callable[[], None], tmp_path: Path
) -> None:
    write_published(tmp_path / "gs-1000.pt", Attentions())
    import_published_tokens(tmp_path / "gs-1000.pt", tmp_path / "encoder.safetensors")
    encoder, facts = load_style_encoder(tmp_path / "encoder.safetensors")
    assert facts.token_mode == "encoder"
    assert (facts.clip_input, facts.clip_fit) == ("legacy_uint8", "squash")
    assert facts.placeholder == "*"
    assert "gs-1000.pt" in facts.source
    assert encoder.width == WIDTH


@pytest.mark.parametrize("name", ["embeddings.pt", "encoder", "encoder.SAFETENSORS"])
def test_an_encoder_is_written_under_its_own_suffix_alone(
    published_classes: Callable[[], None], tmp_path: Path, name: str
) -> None:
    source = tmp_path / "embeddings.pt"
    write_published(source, Attentions())
    before = source.read_bytes()
    with pytest.raises(OutputError, match="cannot be written"):
        import_published_tokens(source, tmp_path / name, overwrite=True)
    assert [file.name for file in tmp_path.iterdir()] == ["embeddings.pt"]
    assert source.read_bytes() == before


def test_the_source_is_never_replaced(
    published_classes: Callable[[], None], tmp_path: Path
) -> None:
    source = tmp_path / "embeddings.safetensors"
    write_published(source, Attentions())
    before = source.read_bytes()
    (tmp_path / "sub").mkdir()
    (tmp_path / "linked.safetensors").symlink_to(source)
    (tmp_path / "second.safetensors").hardlink_to(source)
    for name in (
        "embeddings.safetensors",
        "sub/../embeddings.safetensors",
        "Embeddings.safetensors",
        "linked.safetensors",
        "second.safetensors",
    ):
        with pytest.raises(OutputError) as caught:
            import_published_tokens(source, tmp_path / name, overwrite=True)
        assert caught.value.found == "the same file twice"
    assert source.read_bytes() == before
    assert (tmp_path / "linked.safetensors").is_symlink()


def test_another_file_is_replaced_on_request_alone(
    published_classes: Callable[[], None], tmp_path: Path
) -> None:
    source, other = tmp_path / "one.pt", tmp_path / "other.pt"
    for number, path in enumerate((source, other)):
        torch.manual_seed(number)
        write_published(path, Attentions())
    out = tmp_path / "encoder.safetensors"
    out.write_bytes(b"a thesis")
    with pytest.raises(OutputError, match="something else"):
        import_published_tokens(source, out)
    assert out.read_bytes() == b"a thesis"
    import_published_tokens(source, out, overwrite=True)
    before = out.read_bytes()
    import_published_tokens(source, out)
    with pytest.raises(OutputError, match="another style encoder"):
        import_published_tokens(other, out)
    assert out.read_bytes() == before


def test_an_encoder_that_is_not_finite_is_not_imported(
    published_classes: Callable[[], None], tmp_path: Path
) -> None:
    encoder, out = Attentions(), tmp_path / "encoder.safetensors"
    encoder.net[1].bias.data[0] = torch.inf
    write_published(tmp_path / "broken.pt", encoder)
    with pytest.raises(InputError, match="not finite"):
        import_published_tokens(tmp_path / "broken.pt", out)
    assert not out.exists()


class Malicious:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch '{self.mark}'",)


@pytest.mark.parametrize("place", ["attention", "string_to_token", "more"])
def test_a_file_that_would_run_something_is_refused_and_not_run(
    published_classes: Callable[[], None], tmp_path: Path, place: str
) -> None:
    mark = tmp_path / "ran"
    write_published(tmp_path / "bad.pt", Attentions(), **{place: Malicious(mark)})
    with pytest.raises(InputError) as caught:
        import_published_tokens(tmp_path / "bad.pt", tmp_path / "encoder.safetensors")
    assert "system" in caught.value.found
    assert not mark.exists()
    assert not (tmp_path / "encoder.safetensors").exists()


def test_a_plain_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    (tmp_path / "bad.pt").write_bytes(pickle.dumps(Malicious(mark), protocol=2))
    with pytest.raises(InputError, match="not a published embedding file"):
        read_published_tokens(tmp_path / "bad.pt")
    assert not mark.exists()


def test_a_class_that_is_not_listed_is_refused(
    published_classes: Callable[[], None], tmp_path: Path
) -> None:
    encoder = Attentions()
    encoder.net = nn.Sequential(nn.Dropout(0.05), nn.Bilinear(2, 2, 2))
    write_published(tmp_path / "other.pt", encoder)
    with pytest.raises(InputError, match="Bilinear"):
        read_published_tokens(tmp_path / "other.pt")


def test_the_allowed_classes_are_allowed_during_the_reading_alone(
    published_classes: Callable[[], None], tmp_path: Path
) -> None:
    write_published(tmp_path / "good.pt", Attentions())
    before = set(torch.serialization.get_safe_globals())
    read_published_tokens(tmp_path / "good.pt")
    assert set(torch.serialization.get_safe_globals()) == before
    with pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / "good.pt", weights_only=True)


def test_modules_within_themselves_are_refused(
    published_classes: Callable[[], None], tmp_path: Path
) -> None:
    encoder = Attentions()
    encoder.net._modules["0"] = encoder.net
    write_published(tmp_path / "loop.pt", encoder)
    with pytest.raises(InputError, match="without end"):
        read_published_tokens(tmp_path / "loop.pt")


@pytest.mark.parametrize(
    "changes",
    [
        {"attention": {}},
        {"attention": nn.Linear(2, 2)},
        {"string_to_token": {}},
        {"string_to_token": {"*": torch.tensor([1, 2])}},
        {"string_to_token": {"a": torch.tensor(1), "b": torch.tensor(2)}},
    ],
    ids=["no encoder", "a layer", "no word", "two ids", "two words"],
)
def test_other_contents_are_refused(
    published_classes: Callable[[], None], tmp_path: Path, changes: dict[str, object]
) -> None:
    write_published(tmp_path / "odd.pt", Attentions(), **changes)
    with pytest.raises(InputError, match="not a published embedding file"):
        read_published_tokens(tmp_path / "odd.pt")


@pytest.mark.parametrize("content", [None, b"", b"neither pickle nor zip", b"PK\x03\x04broken"])
def test_other_files_are_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "file.pt").write_bytes(content)
    with pytest.raises(InputError, match="not a published embedding file"):
        read_published_tokens(tmp_path / "file.pt")
