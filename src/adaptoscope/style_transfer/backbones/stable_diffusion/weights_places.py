"""Where the parts of Stable Diffusion are: local folders, a single file, or a hub's cache."""

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path

from adaptoscope.errors import MissingWeightsError
from adaptoscope.style_transfer.backbones.stable_diffusion.settings import StableDiffusionSettings

CHECKPOINT_SUFFIXES = (".ckpt", ".safetensors")
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
# 16 MB at once: files have several gigabytes.
_CHUNK = 1 << 24

CONFIGS = ("unet/config.json", "vae/config.json", "text_encoder/config.json")
TOKENISER = ("tokenizer/vocab.json", "tokenizer/merges.txt")
MODEL_WEIGHTS = (
    "unet/diffusion_pytorch_model.safetensors",
    "vae/diffusion_pytorch_model.safetensors",
    "text_encoder/model.safetensors",
)
CLIP_FILES = ("config.json", "model.safetensors")


def locate_model(settings: StableDiffusionSettings) -> Path:
    """Return the diffusers folder or the single file of the diffusion model."""
    given = Path(settings.model)
    if given.is_file() and given.suffix in CHECKPOINT_SUFFIXES:
        return given
    return _folder(settings.model, (*CONFIGS, *TOKENISER, *MODEL_WEIGHTS), settings, "model")


def locate_base(settings: StableDiffusionSettings) -> Path:
    """Return the folder with configs and tokeniser that goes with a single-file checkpoint."""
    if not settings.base:
        raise MissingWeightsError(
            f"The checkpoint {settings.model} holds neither configs nor a tokeniser.",
            expected=f"a folder with {', '.join((*CONFIGS, *TOKENISER))} as `base`",
            found="no `base`",
            remedy="copy these small files from any diffusers repository of Stable Diffusion 1.x, "
            "or use `--backbone compact`",
        )
    return _folder(settings.base, (*CONFIGS, *TOKENISER), settings, "base")


def locate_clip(settings: StableDiffusionSettings) -> Path | None:
    """Return the folder of CLIP's image tower, or None where none is named."""
    return _folder(settings.clip, CLIP_FILES, settings, "clip") if settings.clip else None


def hash_of_model(settings: StableDiffusionSettings) -> str:
    """Return the SHA-256 of everything that a style, or an image made with it, depends on.

    That is what the files of U-Net, autoencoder and text tower hold, the prompt, its placeholder
    and the precision; where a style encoder reads styles off images, also that encoder, which
    knows how CLIP sees them, and CLIP. Names of files play no part.
    """
    place = locate_model(settings)
    files = [place] if place.is_file() else [place / name for name in MODEL_WEIGHTS]
    parts: dict[str, object] = {
        "weights": [_hash_of_file(file) for file in files],
        "prompt": settings.prompt,
        "placeholder": settings.placeholder,
        "precision": settings.weights,
    }
    if settings.encoder:
        encoder = Path(settings.encoder)
        if not encoder.is_file():
            raise _missing(settings.encoder, "encoder", "a style encoder file", "no such file")
        parts |= {"encoder": _hash_of_file(encoder), "clip": hash_of_clip(settings)}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def hash_of_clip(settings: StableDiffusionSettings) -> str:
    """Return the SHA-256 of the weights of CLIP, or nothing where no CLIP is named."""
    folder = locate_clip(settings)
    return "" if folder is None else _hash_of_file(folder / CLIP_FILES[-1])


def _hash_of_file(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _folder(name: str, files: Iterable[str], settings: StableDiffusionSettings, field: str) -> Path:
    given = Path(name)
    wanted = list(files)
    if given.is_dir():
        folder = given
    elif _HUB_ID.fullmatch(name) and not given.exists():
        folder = _snapshot(name, wanted, settings.download, field)
    else:
        raise _missing(name, field, f"the folder {name}, or a hub id", "no such folder")
    absent = [file for file in wanted if not (folder / file).is_file()]
    if absent:
        raise _missing(name, field, f"{', '.join(wanted)} in {folder}", f"no {absent[0]}")
    return folder


def _snapshot(name: str, files: list[str], download: bool, field: str) -> Path:
    from huggingface_hub import snapshot_download

    extra = ["model_index.json", "scheduler/scheduler_config.json", "tokenizer/*.json"]
    try:
        return Path(
            snapshot_download(name, allow_patterns=[*files, *extra], local_files_only=not download)
        )
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        found = reason if download else "nothing in the hub's cache, and nothing may be fetched"
        raise _missing(name, field, f"{name} in the hub's cache", found) from error


def _missing(name: str, field: str, expected: str, found: str) -> MissingWeightsError:
    return MissingWeightsError(
        f"The weights {name} for `{field}` of Stable Diffusion are not there.",
        expected=expected,
        found=found,
        remedy=f"name a local folder as `{field}`, or a hub id with `download: true` on a machine "
        "with a connection, or use `--backbone compact`, which needs no other weights",
    )
