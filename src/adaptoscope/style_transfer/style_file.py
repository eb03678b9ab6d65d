"""A style on disk: tensors in safetensors, everything else as its metadata."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import torch

from adaptoscope.errors import InputError, OutputError
from adaptoscope.imageio.intensity import BIT_DEPTHS
from adaptoscope.style_transfer.fine_residual import LEVELS, WINDOW, FineResidual
from adaptoscope.style_transfer.glow import WIDTHS, Glow
from adaptoscope.style_transfer.settings import preprocessing_of
from adaptoscope.style_transfer.style_checks import ROWS, Shape, fault_of_numbers, fault_of_tensors
from adaptoscope.style_transfer.tensor_file import (
    UNREADABLE,
    read_tensors,
    reason_of,
    refuse_not_finite,
    write_tensors,
)

FORMAT = "adaptoscope-style-4"


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
        How the images were shown to the backbone; see `settings.Preprocessing`.
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
    """A learnt style: facts, and one row of each tensor for each of its R images.

    Parameters
    ----------
    tokens
        Shape (R, K, D).
    latent_mean, latent_sd, cell_mean, cell_sd, ground_mean, ground_sd
        Channel statistics for AdaIN of whole images, inside and outside the cells, shape (R, C);
        the latter without meaning where `cell_cover` is 0.
    residual_levels, residual_strengths, residual_spectrum
        Shapes (R, 8), (R, 8) and (R, 64, 64); see `fine_residual.FineResidual`.
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

    def residual(self, row: int) -> FineResidual:
        """Return the fine residual of one style image."""
        return FineResidual(
            self.residual_levels[row].numpy(),
            self.residual_strengths[row].numpy(),
            self.residual_spectrum[row].numpy(),
        )

    def glow(self, row: int) -> Glow | None:
        """Return the light around the cells of one style image; None where no cell was seen."""
        diameter = float(self.glow_diameter[row])
        if diameter <= 0:
            return None
        cover = self.facts.images[row].cell_cover
        return Glow(self.glow_shares[row].numpy(), diameter, float(self.glow_inside[row]), cover)

    def only(self, rows: Sequence[int]) -> "Style":
        """Return the style of some of its images."""
        tensors = {name: getattr(self, name)[list(rows)] for name in _TENSORS}
        images = tuple(self.facts.images[row] for row in rows)
        return Style(facts=replace(self.facts, images=images), **tensors)


_SHAPES: dict[str, Shape] = {
    "tokens": (ROWS, "K", "D"),
    "residual_levels": (ROWS, LEVELS),
    "residual_strengths": (ROWS, LEVELS),
    "residual_spectrum": (ROWS, WINDOW, WINDOW),
    "glow_shares": (ROWS, len(WIDTHS)),
    "glow_diameter": (ROWS,),
    "glow_inside": (ROWS,),
}
_TENSORS: dict[str, Shape] = {
    field.name: _SHAPES.get(field.name, (ROWS, "C"))
    for field in fields(Style)
    if field.name != "facts"
}


def save_style(path: Path, style: Style) -> None:
    """Write a style, whole or not at all."""
    tensors = {name: getattr(style, name) for name in _TENSORS}
    refuse_not_finite("style", tensors)
    write_tensors(path, tensors, asdict(style.facts), kind=FORMAT)


def load_style(path: Path) -> Style:
    """Read a style."""
    try:
        facts, stored = read_tensors(path, kind=FORMAT)
        images = tuple(StyleImage(**image) for image in facts.pop("images"))
        known = StyleFacts(**facts, images=images)
        tensors = {name: stored[name] for name in _TENSORS}
        preprocessing_of(known)
    except UNREADABLE as error:
        raise _refusal(path, reason_of(error)) from error
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


def refuse_other_style(path: Path, facts: StyleFacts) -> None:
    """Refuse to put a style with these facts in the place of a different one.

    Measured numbers may differ in their last digits from one machine to the next, and are not
    compared.
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


def _refusal(path: Path, found: str) -> InputError:
    return InputError(
        f"{path} is not a style that can be used.",
        expected="a file written by `adaptoscope style learn`",
        found=found,
        remedy="learn the style again from its images",
    )
