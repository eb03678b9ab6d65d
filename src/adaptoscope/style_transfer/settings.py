"""Settings of style transfer: the compact backbone, its training, stylisation and screening."""

import math
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from adaptoscope.training.settings import Settings, settings_from

Intensities = Literal["stretched", "stored"]
Posterior = Literal["mean", "sample"]


class CompactSettings(Settings):
    """Shape of the compact latent diffusion model (at most 11 M parameters together)."""

    latent_channels: int = Field(default=16, ge=1)
    """Channels of the latent, at an eighth of the image's side."""
    autoencoder_widths: tuple[int, ...] = (24, 48, 96)
    """Channels of the autoencoder at half, quarter and eighth size."""
    denoiser_widths: tuple[int, ...] = (64, 96, 144)
    """Channels of the U-Net at latent size, half and quarter of it; attention on the last two."""
    style_widths: tuple[int, ...] = (24, 48, 96, 128)
    """Channels of the style encoder after each halving."""
    style_tokens: int = Field(default=4, ge=1)
    """Number of style tokens."""
    token_width: int = Field(default=192, ge=8)
    """Length of a style token."""


class AutoencoderTraining(Settings):
    """How the autoencoder is trained."""

    steps: int = Field(default=4300, ge=1)
    """Training steps."""
    batch: int = Field(default=8, ge=1)
    """Crops in a step."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Adam, cosine decay to a twentieth."""
    gradient_weight: float = Field(default=1.0, ge=0)
    """Weight of the L1 distance between image gradients, which keeps edges and texture."""
    denoise: bool = True
    """Noise is added to what the encoder sees and not to what the decoder shall return, so that
    latents say what is there and not how noisy it is; `fine_residual` draws the noise anew."""
    divergence_weight: float = Field(default=1e-4, ge=0)
    """Weight of the Kullback-Leibler term, mean over latent elements."""
    adversarial_weight: float = Field(default=0.0, ge=0)
    """Weight of the patch discriminator's verdict once it takes part; with 0 it never does."""
    adversarial_from: float = Field(default=0.4, ge=0, le=1)
    """Share of the steps after which the discriminator takes part."""


class DenoiserTraining(Settings):
    """How the U-Net and the style encoder are trained, jointly."""

    steps: int = Field(default=5400, ge=1)
    """Training steps."""
    batch: int = Field(default=16, ge=1)
    """Crops in a step."""
    learning_rate: float = Field(default=6e-4, gt=0)
    """AdamW, cosine decay to a twentieth."""
    layout_dropout: float = Field(default=0.2, ge=0, le=1)
    """Share of the crops whose layout is withheld."""
    style_dropout: float = Field(default=0.1, ge=0, le=1)
    """Share of the crops whose style is withheld, for guidance."""


class BackboneTrainingSettings(Settings):
    """Training of the compact backbone on unlabelled images; masks are used where there are any.

    The defaults take about three hours on two processor cores.
    """

    crop: int = Field(default=128, ge=64, le=288, multiple_of=32)
    """Side of the training crops, in pixels."""
    diameter_range: tuple[float, float] = (8.0, 48.0)
    """Width of the cells in the crops, in pixels, evenly in the logarithm. Images are enlarged at
    most twice for it; where the width is unknown they are scaled by `scale_range`."""
    unscaled_share: float = Field(default=0.3, ge=0, le=1)
    """Share of the crops that are cut on whole pixels instead, without interpolation."""
    scale_range: tuple[float, float] = (0.6, 1.8)
    """Image pixels per crop pixel where no cell was seen."""
    warm_up: int = Field(default=100, ge=1)
    """Steps over which the learning rate rises."""
    seed: int = 0
    """Seed of weights, crops and noise."""
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    """Arithmetic of the forward passes."""
    network: CompactSettings = CompactSettings()
    """Shape of the networks."""
    autoencoder: AutoencoderTraining = AutoencoderTraining()
    """First part: images to latents and back."""
    denoiser: DenoiserTraining = DenoiserTraining()
    """Second part: noise prediction, given style and layout."""

    @model_validator(mode="after")
    def _check_ranges(self) -> Self:
        for name in ("diameter_range", "scale_range"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ValueError(f"{name} needs two numbers above 0, the smaller first")
        return self


FINE_TUNING: Mapping[str, Mapping[str, Any]] = {
    "autoencoder": {"steps": 500, "learning_rate": 2e-4},
    "denoiser": {"steps": 1000, "learning_rate": 2e-4},
}
"""What differs from the defaults where a training goes on from a trained backbone: a sixth of the
work, about half an hour on two processor cores."""


def backbone_training(
    given: object, *, fine_tune: bool = False, origin: str = ""
) -> BackboneTrainingSettings:
    """Return complete settings of a training from fields and values as read from YAML.

    With `fine_tune` the training goes on from a trained backbone: fields that are not given are
    then those of `FINE_TUNING`. `origin` says where `given` came from, for the error message.
    """
    values: Any = given
    if fine_tune and isinstance(given, Mapping):
        values = dict(given)
        for part, preset in FINE_TUNING.items():
            own = given.get(part, {})
            values[part] = {**preset, **own} if isinstance(own, Mapping) else own
    return settings_from(values, BackboneTrainingSettings, origin=origin)


class Preprocessing(Settings):
    """How images are shown to the backbone; drawings must be shown as the style images were."""

    intensities: Intensities = "stretched"
    """`stretched`: from the background at -1 to the 95th percentile of the cells at +1. `stored`:
    from the lowest to the highest value that a file can hold, as paper 1 does; Stable Diffusion
    only."""
    working_side: int | None = Field(default=None, ge=64)
    """Both sides of images, in pixels, while they are worked on, whatever their aspect (512 in the
    paper's code); outputs have the size of the drawings again. None: as they are."""
    posterior: Posterior = "mean"
    """Which latents stand for an image: the mean of the autoencoder's posterior, or one drawn from
    it (paper's code); Stable Diffusion only."""


USUAL = Preprocessing()
"""Images as they are by default: stretched, of their own size, by the mean of their latents."""


class StylisationSettings(Preprocessing):
    """How drawings are given the look of real images."""

    strength: float = Field(default=0.7, ge=0, le=1)
    """Share of the noise schedule that is run; paper 1, section IV-A. 0, or what comes to less than
    half a step, runs none, which leaves AdaIN alone, as `inversion: none` does."""
    steps: int = Field(default=50, ge=1, le=1000)
    """DDIM steps over the whole schedule; paper 1, section V-E."""
    guidance: float = Field(default=1.0, ge=0)
    """Guidance scale; 1 evaluates the model once a step, other values twice (paper's code: 10)."""
    guidance_interval: tuple[float, float] = (0.0, 1.0)
    """Shares of the noise schedule between which guidance acts; outside, one evaluation a step."""
    inversion: Literal["stochastic", "sdedit", "ddim", "none"] = "stochastic"
    """`stochastic`: noise as the model predicts it (paper's code); `sdedit`: fresh noise (paper's
    eq. 6); `ddim`: the sampler run upwards; `none`: AdaIN alone, no diffusion (control)."""
    sampler: Literal["ddim", "dpm_solver"] = "ddim"
    """`ddim` (paper), or DPM-Solver++ (2M), which needs about a third of the steps."""
    adain: Literal["regions", "whole", "none"] = "regions"
    """Statistics taken over from the style: of cells and background apart, of the whole image
    (paper, eq. 4 and 5; also taken for drawings without a mask), or none."""
    adain_after: bool = True
    """Do the same once more after diffusion (ours): denoising draws size and brightness of cells
    towards those of the images that the backbone was trained on."""
    guard: float = Field(default=0.0, ge=0, le=1)
    """Share of the way back on which the coarse structure of the drawing is held; 0 is off."""
    guard_factor: int = Field(default=2, ge=2)
    """What the guard holds: means over so many latent pixels."""
    official_timing: bool = False
    """Noise and cut off as the paper's published code does, one step out of line with eq. (7)."""
    use_layout: bool = True
    """Give the model the drawing's instance mask as a condition."""
    glow: bool = True
    """Add the light that cells shed around them, as measured on the style images."""
    residual: bool = True
    """Add the fine noise that the autoencoder cannot carry, as measured on the style images."""
    reference: Literal["nearest_density", "any"] = "nearest_density"
    """Which style image a drawing takes: one of those nearest in cell density, or any."""
    best_of: int = Field(default=1, ge=1)
    """Attempts for each image, of which the one that keeps the drawn cells best is taken; costs as
    many times the time."""
    tile: int | None = Field(default=None, ge=128)
    """Images with a longer side, in pixels, are worked on in tiles of this side, which overlap by a
    quarter and are blended at every step. None: 1,024 on `compact`, 768 on Stable Diffusion."""
    batch: int = Field(default=8, ge=1)
    """Images in a micro-batch; the last one is padded, so that results do not depend on it."""
    seed: int = 0
    """Seed; each image's own randomness comes from it and the image's name."""

    @model_validator(mode="after")
    def _check_interval(self) -> Self:
        low, high = self.guidance_interval
        if not 0 <= low <= high <= 1:
            raise ValueError("guidance_interval needs two numbers from 0 to 1, the smaller first")
        return self

    @property
    def sampled_steps(self) -> int:
        """Number of steps on the way back; with 0, AdaIN is all that is done to the latents."""
        if self.inversion == "none":
            return 0
        if self.official_timing:
            return int(self.strength * self.steps)
        return math.floor(self.strength * self.steps + 0.5)

    def in_words(self) -> str:
        """Say how images are made with these settings, for the card of a data set."""
        last = f"glow {_on(self.glow)}, fine noise {_on(self.residual)}{self._shown_in_words()}"
        if not self.sampled_steps:
            return f"AdaIN ({self.adain}) without diffusion, {last}"
        sampler = {"ddim": "DDIM", "dpm_solver": "DPM-Solver++ (2M)"}[self.sampler]
        return (
            f"AdaIN ({self.adain}), {self.inversion} inversion, strength {self.strength:g}, "
            f"{self.steps} steps of {sampler}, guidance {self.guidance:g}, "
            f"layout condition {_on(self.use_layout)}, guard {self.guard:g}, "
            f"AdaIN after diffusion {_on(self.adain_after)}, {last}, best of {self.best_of}"
        )

    def _shown_in_words(self) -> str:
        if preprocessing_of(self) == USUAL:
            return ""
        size = f"{self.working_side} pixels a side" if self.working_side else "their own size"
        return (
            f"; images shown with {self.intensities} intensities at {size}, posterior's "
            f"{self.posterior}"
        )


def preprocessing_of(values: object) -> Preprocessing:
    """Return how images are shown by settings, or were by the facts of a style."""
    return Preprocessing(**{name: getattr(values, name) for name in Preprocessing.model_fields})


def _on(setting: bool) -> str:
    return "on" if setting else "off"


class ScreeningSettings(Settings):
    """When a stylised image is kept."""

    radius_in_diameters: float = Field(default=0.5, gt=0)
    """A cell found within this many diameters of a drawn one is that cell."""
    minimum_relative_f1: float = Field(default=0.8, ge=0, le=1)
    """Least F1, divided by the same detector's F1 on the drawing."""
    maximum_invented: float = Field(default=0.25, ge=0)
    """Most invented cells, as a share of those drawn, beyond the drawing's own share."""
    maximum_lost: float = Field(default=0.25, ge=0)
    """Most lost cells, as a share of those drawn, beyond the drawing's own share."""
    minimum_drawing_f1: float = Field(default=0.5, ge=0, le=1)
    """Least F1 of the detector on the drawing itself; where that and its recall lie below, nothing
    can be said of the image."""
    minimum_contrast: float = Field(default=3.0, ge=0)
    """Least brightness of cells above the background, in background noise standard deviations."""
    maximum_artefacts: float = Field(default=0.8, ge=0)
    """Most bright structure away from the cells that is too thin or too large for a cell, in areas
    of one cell; in images larger than 256 x 256 pixels, for each so many."""
    maximum_background: float = Field(default=0.09, ge=0)
    """Most structure of the background, as a share of the cells' contrast."""
    maximum_uneven_noise: float = Field(default=3.0, ge=1)
    """Most by which the fine noise of one part exceeds that of another, as a factor."""
    maximum_uneven_level: float = Field(default=0.5, ge=0)
    """Most by which the background of a part may differ from the usual, in cell contrasts."""
    minimum_found_nearby: float = Field(default=0.25, ge=0, le=1)
    """Least share found among a cell and its five nearest, of those found in the drawing."""
    correct_points: bool = False
    """Move points to where the cells are found in the stylised image. Masks do not follow."""
