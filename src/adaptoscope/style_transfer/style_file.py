"""A style on disk: tensors in safetensors, everything else as its metadata."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from adaptoscope.errors import InputError, OutputError
from adaptoscope.imageio.files import atomic_path
from adaptoscope.imageio.intensity import BIT_DEPTHS
from adaptoscope.imageio.json_values import read_json
from adaptoscope.style_transfer.fine_residual import LEVELS, WINDOW
from adaptoscope.style_transfer.glow import WIDTHS
from adaptoscope.style_transfer.settings import presentation_of
from adaptoscope.style_transfer.style_checks import (
    ROWS,
    Shape,
    fault_of_numbers,
    fault_of_tensors,
)

FORMAT = "adaptoscope-style-4"
_ENTRY = "adaptoscope"


@dataclass(frozen=True)
class StyleImage:
    """What a style remembers of one of the images it was learnt from.

    Parameters
    ----------
    name, sha256, split
        Which image it was; the hash is that of its decoded pixels.
    intensity_low, intensity_high
        Intensities that the backbone saw as -1 and +1, in [0, 1] of the stored range.
    cells_per_mpx, cell_diameter_px
        As measured without labels; a diameter of 0 if no cell could be measured.
    noise_level
        Standard deviation of the background noise, in [0, 1] of the stored range.
    cell_cover
        Share of the image that lies inside cells, as measured; 0 if none was seen.
    density_class
        Class whose tokens it has; empty where tokens were not learnt by class.
    """

    name: str
    sha256: str
    split: str
    intensity_low: float
    intensity_high: float
    cells_per_mpx: float
    cell_diameter_px: float
    noise_level: float
    cell_cover: float
    density_class: str = ""


@dataclass(frozen=True)
class StyleFacts:
    """What is known of a style as a whole.

    Parameters
    ----------
    backbone, backbone_sha256
        Name of the diffusion model and hash of its weights.
    token_mode
        How the tokens were made. With 0 steps they were read off the images: ``zero_shot`` by the
        backbone as it is, else by its style encoder, which was learnt in this mode before.
    clip_input
        How CLIP saw the images; empty where it saw none.
    bit_depth, pixel_size_um
        Of the style images; outputs take them over.
    density_class
        Class of cell density the style stands for, several divided by commas; empty where no
        class was looked at.
    seed, steps
        Of the token training; 0 steps where there was none.
    images
        One entry per style image, in the order of the tensors.
    intensities, working_side, posterior
        How the images were shown to the backbone; see `settings.Presentation`.
    """

    backbone: str
    backbone_sha256: str
    token_mode: str
    clip_input: str
    bit_depth: int
    pixel_size_um: float | None
    density_class: str
    seed: int
    steps: int
    images: tuple[StyleImage, ...]
    intensities: str = "stretched"
    working_side: int | None = None
    posterior: str = "mean"


@dataclass(frozen=True)
class Style:
    """A learnt style: facts, and one row of each tensor per style image.

    Parameters
    ----------
    tokens
        Shape (R, K, D).
    latent_mean, latent_sd
        Channel statistics of whole images for AdaIN, shape (R, C).
    cell_mean, cell_sd, ground_mean, ground_sd
        The same inside and outside the cells, shape (R, C); without meaning where `cell_cover`
        is 0.
    residual_levels, residual_strengths
        Shape (R, 8); see `fine_residual.FineResidual`.
    residual_spectrum
        Shape (R, 64, 64).
    glow_shares, glow_diameter, glow_inside
        Shapes (R, 5), (R,) and (R,); see `glow.Glow`. The diameter is 0 where no cell was seen.
    """

    facts: StyleFacts
    tokens: torch.Tensor
    latent_mean: torch.Tensor
    latent_sd: torch.Tensor
    cell_mean: torch.Tensor
    cell_sd: torch.Tensor
    ground_mean: torch.Tensor
    ground_sd: torch.Tensor
    residual_levels: torch.Tensor
    residual_strengths: torch.Tensor
    residual_spectrum: torch.Tensor
    glow_shares: torch.Tensor
    glow_diameter: torch.Tensor
    glow_inside: torch.Tensor


_TENSORS: dict[str, Shape] = {
    "tokens": (ROWS, "K", "D"),
    "latent_mean": (ROWS, "C"),
    "latent_sd": (ROWS, "C"),
    "cell_mean": (ROWS, "C"),
    "cell_sd": (ROWS, "C"),
    "ground_mean": (ROWS, "C"),
    "ground_sd": (ROWS, "C"),
    "residual_levels": (ROWS, LEVELS),
    "residual_strengths": (ROWS, LEVELS),
    "residual_spectrum": (ROWS, WINDOW, WINDOW),
    "glow_shares": (ROWS, len(WIDTHS)),
    "glow_diameter": (ROWS,),
    "glow_inside": (ROWS,),
}


def save_style(path: Path, style: Style) -> None:
    """Write a style, whole or not at all."""
    tensors = {name: getattr(style, name).contiguous() for name in _TENSORS}
    refuse_not_finite("style", tensors)
    path.parent.mkdir(parents=True, exist_ok=True)
    # One entry only: safetensors writes several in an order that differs from run to run.
    facts = {"format": FORMAT, **asdict(style.facts)}
    metadata = {_ENTRY: json.dumps(facts, sort_keys=True)}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata=metadata)


def load_style(path: Path) -> Style:
    """Read a style."""
    try:
        with safe_open(path, framework="pt") as stored:
            facts = read_json((stored.metadata() or {}).get(_ENTRY, "{}"))
            found = facts.pop("format", "unknown")
            if found != FORMAT:
                raise _refusal(path, f"format {found}")
            images = tuple(StyleImage(**image) for image in facts.pop("images"))
            known = StyleFacts(**facts, images=images)
            tensors = {name: stored.get_tensor(name) for name in _TENSORS}
            presentation_of(known)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise _refusal(path, " ".join(str(error).split()) or "no such file") from error
    fault = _fault_of_facts(known) or fault_of_tensors(tensors, _TENSORS, len(images))
    if fault:
        raise _refusal(path, fault)
    return Style(facts=known, **tensors)


def _fault_of_facts(facts: StyleFacts) -> str:
    if facts.bit_depth not in BIT_DEPTHS:
        return f"`bit_depth: {facts.bit_depth}`"
    for image in facts.images:
        texts = ("name", "sha256", "split", "density_class")
        if not all(isinstance(getattr(image, name), str) for name in texts):
            return "an image whose name, hash, split or class is no text"
        numbers = {name: value for name, value in asdict(image).items() if name not in texts}
        fault = fault_of_numbers(numbers)
        if not fault and not image.intensity_low < image.intensity_high:
            fault = f"intensities from {image.intensity_low} to {image.intensity_high}"
        if fault:
            return f"{fault}, for {image.name}"
    return ""


def refuse_other_name(path: Path, what: str) -> None:
    """Refuse a file that is not named as what will be written to it.

    Parameters
    ----------
    path
        File that is about to be written.
    what
        What would be written, in words.
    """
    if path.suffix != ".safetensors":
        raise OutputError(
            f"A {what} cannot be written to {path}.",
            expected="a file name that ends in .safetensors",
            found=path.suffix or "no suffix",
            remedy="choose another name",
        )


def refuse_other_style(path: Path, facts: StyleFacts) -> None:
    """Refuse to put a style in the place of a different one.

    Parameters
    ----------
    path
        Style file that is about to be written.
    facts
        What is known of the new style. Measured numbers may differ in their last digits from one
        machine to the next, and are not compared.
    """
    if not path.exists():
        return
    try:
        found, wanted = (_identity(each) for each in (load_style(path).facts, facts))
        differences = [name for name in wanted if found[name] != wanted[name]]
    except InputError:
        differences = ["file, no style"]
    if differences:
        raise OutputError(
            f"The file {path} holds something else than the style that would be written.",
            expected="no file, or the same style",
            found=f"another {', '.join(differences)}",
            remedy="choose another name, or pass --overwrite to replace it",
        )


def _identity(facts: StyleFacts) -> dict[str, object]:
    return {
        "backbone": facts.backbone_sha256,
        "token mode": facts.token_mode,
        "CLIP input": facts.clip_input,
        "density class": facts.density_class,
        "seed": facts.seed,
        "number of steps": facts.steps,
        "set of images": tuple(image.sha256 for image in facts.images),
        "way of showing images": (facts.intensities, facts.working_side, facts.posterior),
    }


def refuse_not_finite(what: str, tensors: Mapping[str, torch.Tensor]) -> None:
    """Refuse numbers that are not finite, before they are stored.

    Parameters
    ----------
    what
        What would be stored, in words.
    """
    broken = [name for name, tensor in tensors.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise InputError(
            f"The {what} holds numbers that are not finite, and is not stored.",
            expected="finite numbers only",
            found=f"NaN or infinity in {', '.join(broken)}",
            remedy="learn again with a lower learning rate or with `precision: 32-true`, and make "
            "sure that the weights of the backbone are undamaged",
        )


def _refusal(path: Path, found: str) -> InputError:
    return InputError(
        f"{path} is not a style that can be used.",
        expected="a file written by `adaptoscope style learn`",
        found=found,
        remedy="learn the style again from its images",
    )
