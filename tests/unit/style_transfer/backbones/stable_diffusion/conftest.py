import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPTextModel, CLIPVisionConfig

from adaptoscope.style_transfer.backbones.stable_diffusion.backbone import StableDiffusionBackbone
from adaptoscope.style_transfer.backbones.stable_diffusion.loading import load_stable_diffusion
from adaptoscope.style_transfer.backbones.stable_diffusion.settings import StableDiffusionSettings

# Width of text, U-Net context and CLIP projection; 768 in the real model.
WIDTH = 16
# Positions of the text tower; 77 in the real model.
LENGTH = 12
# Side of the image tower's input and of its patches: 16 patches and the pooled vector.
CLIP_SIDE, CLIP_PATCH = 32, 8

VOCABULARY = ["c", "e", "l", "l</w>", "a</w>", "*</w>", "ce", "cel", "cell</w>", "x", "x</w>"]
SPECIAL = ["<|startoftext|>", "<|endoftext|>"]
TEXT = CLIPTextConfig(
    vocab_size=len(VOCABULARY) + 2,
    hidden_size=WIDTH,
    intermediate_size=2 * WIDTH,
    num_hidden_layers=2,
    num_attention_heads=2,
    max_position_embeddings=LENGTH,
    bos_token_id=len(VOCABULARY),
    eos_token_id=len(VOCABULARY) + 1,
    pad_token_id=len(VOCABULARY) + 1,
)
VISION = CLIPVisionConfig(
    hidden_size=24,
    intermediate_size=32,
    num_hidden_layers=2,
    num_attention_heads=2,
    image_size=CLIP_SIDE,
    patch_size=CLIP_PATCH,
    projection_dim=WIDTH,
)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("the network was asked")

    for name in ("create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


def write_tokeniser(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    words = {word: number for number, word in enumerate([*VOCABULARY, *SPECIAL])}
    (folder / "vocab.json").write_text(json.dumps(words))
    (folder / "merges.txt").write_text("#version: 0.2\nc e\nce l\ncel l</w>\n")


def tiny_unet() -> UNet2DConditionModel:
    return UNet2DConditionModel(
        in_channels=4,
        out_channels=4,
        block_out_channels=(8, 16),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=WIDTH,
        attention_head_dim=2,
        norm_num_groups=4,
    )


def tiny_autoencoder() -> AutoencoderKL:
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(4, 4, 8, 8),
        norm_num_groups=4,
    )


def save_model(folder: Path) -> Path:
    """Write a random Stable Diffusion of the real classes, as a diffusers folder."""
    torch.manual_seed(0)
    tiny_unet().save_pretrained(folder / "unet")
    tiny_autoencoder().save_pretrained(folder / "vae")
    CLIPTextModel(TEXT).save_pretrained(folder / "text_encoder")
    write_tokeniser(folder / "tokenizer")
    DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear"
    ).save_pretrained(folder / "scheduler")
    return folder


def save_clip(folder: Path) -> Path:
    """Write a whole random CLIP, as its repository holds it."""
    torch.manual_seed(1)
    configs = {"text_config": TEXT.to_dict(), "vision_config": VISION.to_dict()}
    CLIPModel(CLIPConfig(projection_dim=WIDTH, **configs)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("stable_diffusion"))


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="session")
def settings(model_folder: Path, clip_folder: Path) -> StableDiffusionSettings:
    return StableDiffusionSettings(model=str(model_folder), clip=str(clip_folder))


@pytest.fixture(scope="session")
def loaded(settings: StableDiffusionSettings) -> StableDiffusionBackbone:
    return load_stable_diffusion(settings)


@pytest.fixture
def diffusion(loaded: StableDiffusionBackbone) -> Iterator[StableDiffusionBackbone]:
    yield loaded
    loaded.style_encoder = loaded.encoder_facts = None


def fields(count: int, side: int = 64, seed: int = 0) -> torch.Tensor:
    """Made-up images in [-1, 1], shape (count, 1, side, side)."""
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.rand(count, 1, side, side, generator=generator) - 1


def configs_only(folder: Path, target: Path) -> Path:
    """What a user keeps beside a single file: configs and tokeniser, no weights."""
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns("*.safetensors"))
    return target


def assert_same_answers(one: StableDiffusionBackbone, other: StableDiffusionBackbone) -> None:
    pixels, tokens = fields(1), torch.ones(1, 1, WIDTH)
    with torch.no_grad():
        latents = one.encode(pixels)
        torch.testing.assert_close(other.encode(pixels), latents)
        torch.testing.assert_close(other.decode(latents), one.decode(latents))
        torch.testing.assert_close(
            other.predict_noise(latents, 500, tokens, None),
            one.predict_noise(latents, 500, tokens, None),
        )
