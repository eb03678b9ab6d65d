"""Settings of token learning, and of the classes of cell density that get a token each."""

from typing import Literal, Self

from pydantic import Field, model_validator

from adaptoscope.style_transfer.backbones.stable_diffusion.settings import ClipInput
from adaptoscope.style_transfer.settings import Intensities, Preprocessing
from adaptoscope.training.settings import Settings

TokenMode = Literal["direct", "encoder", "encoder_mean", "patch"]


class TokenSettings(Settings):
    """How the style tokens of real images are learnt: paper 1, eq. (3), all else frozen."""

    token_mode: TokenMode = "direct"
    """``direct``: the tokens themselves. ``encoder``: paper 1, CLIP's pooled vector of each image
    through a trained encoder. ``encoder_mean``: the same of the images' mean vector, so that they
    share one token. ``patch``: the encoder is shown CLIP's patches too, so that its attention is
    real. All but ``direct`` need Stable Diffusion and CLIP."""
    share: Literal["class", "image"] = "class"
    """``direct``: one set of tokens for all images, or one for each."""
    clip_input: ClipInput = "correct"
    """How CLIP sees the images; ``legacy_uint8`` is what the published code does by mistake."""
    initial_word: str = ""
    """``direct`` on Stable Diffusion: the word to begin with; drawn at random if empty."""
    steps: int = Field(default=1000, ge=0)
    """Training steps; paper 1, section IV (its published code: 6,100). 0 keeps the tokens that
    training would begin with."""
    learning_rate: float = Field(default=5e-4, gt=0)
    """Constant, AdamW; paper 1, section IV (its published code: 1e-4)."""
    weight_decay: float = Field(default=0.01, ge=0)
    """Of AdamW; its default, as in the published code."""
    batch: int = Field(default=4, ge=1)
    """Crops in a step (paper: 1; its published code cannot take more)."""
    fit: Literal["crop", "squash"] = "crop"
    """``crop``: random crops on the image's own pixels. ``squash``: the whole image, scaled to a
    square whatever its aspect, as the published code does."""
    intensities: Intensities = "stretched"
    """How the backbone sees the images, as in `Preprocessing`; the whole style must be alike."""
    side: int | None = Field(default=None, ge=32, multiple_of=8)
    """Side of a crop or square in pixels; none: what the backbone was trained at. Crops are smaller
    where an image is."""
    flips: bool = True
    """Show each image mirrored half of the time."""
    use_layout: bool = True
    """Tell a backbone that can be told where the cells are, as segmented without labels, so that
    the tokens need not learn it."""
    timesteps: Literal["uniform", "stratified"] = "uniform"
    """``stratified``: the time steps of a batch are spread over the schedule (less noisy)."""
    precision: Literal["auto", "32-true", "bf16-mixed"] = "auto"
    """Arithmetic; ``auto`` takes bfloat16 on a GPU that has it, else float32."""
    save_every: int = Field(default=200, ge=1)
    """Steps between checkpoints."""
    preview_every: int = Field(default=0, ge=0)
    """Steps between preview images; 0 makes none."""
    seed: int = 0
    """Seed of everything random."""

    @property
    def shown(self) -> Preprocessing:
        """How the backbone is shown crops and squares; their size is `side`."""
        return Preprocessing(intensities=self.intensities)

    @property
    def clip_input_used(self) -> str:
        """How CLIP sees the images; empty where it sees none."""
        return "" if self.token_mode == "direct" else self.clip_input


class DensityRule(Settings):
    """Which density class an image belongs to; paper 1 learns one token for each class."""

    measure: Literal["count", "cells_per_mpx"] = "count"
    """Cells in the whole image (paper), or cells per million pixels, which means the same for
    images of any size."""
    limits: tuple[float, float] | None = None
    """Where ``medium`` and ``high`` begin. None: 100 and 200 cells (paper), or as many per million
    pixels as those are in the paper's images of 600 x 800 pixels."""
    source: Literal["measured", "labels"] = "measured"
    """Count cells by segmentation, without labels, or take the labels."""
    per_class: int | None = Field(default=4, ge=1)
    """Images of each class that are used (paper: 4), drawn with `seed`; none: all."""
    seed: int = 0
    """Seed of that draw."""

    @model_validator(mode="after")
    def _check_limits(self) -> Self:
        if self.limits is not None and not 0 < self.limits[0] < self.limits[1]:
            raise ValueError("limits needs two numbers above 0, the smaller first")
        return self
