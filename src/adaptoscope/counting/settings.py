"""Settings of the counting stage. Paper 1 is InST-Microscopy."""

from typing import Literal

from pydantic import Field, model_validator

from adaptoscope.training.settings import Settings


class CountingSettings(Settings):
    """How a counter is trained."""

    regime: Literal["supervised", "fine_tuned"] = "supervised"
    """`supervised` trains on real images; `fine_tuned` first on synthetic ones, then all layers on
    real ones (paper 1, section on training regimes)."""

    init: str = "nuclei"
    """Where the encoder starts: `nuclei` (bundled), `imagenet` (paper 1), `random`, or a path to a
    .safetensors file."""

    steps: int = Field(default=300, ge=1)
    """Training steps on the real images. Paper 1: 50 epochs of one crop per image, which for 95
    images in batches of 16 is 297."""

    pretrain_steps: int = Field(default=0, ge=0)
    """Steps on the synthetic images before those on real ones; only in `fine_tuned`."""

    batch: int = Field(default=16, ge=2)
    """Crops per step (paper 1: 16)."""

    crop: int = Field(default=200, ge=32)
    """Side in pixels of the random training crops and of the windows that are counted and summed
    (paper 1: 200)."""

    pad: Literal["refuse", "reflect"] = "refuse"
    """What to do with training images smaller than a crop: refuse them, or continue them and their
    cells by reflection (ours)."""

    learning_rate: float = Field(default=1e-4, gt=0)
    """Step size of Adam (paper 1: 1e-4)."""

    schedule: Literal["constant", "cosine"] = "constant"
    """Course of the learning rate. Paper 1 states none, so it is constant; `cosine` (ours) rises
    during the first tenth of each phase and then falls to zero, which suits few steps."""

    weight_decay: float = Field(default=1e-5, ge=0)
    """Weight decay of Adam, added to the gradient (paper 1: 1e-5)."""

    loss: Literal["mse", "huber"] = "mse"
    """Error that is made small, of standardised counts. Paper 1 does not state it; its code uses
    the squared error."""

    pooling: Literal["mean", "sum"] = "mean"
    """How the feature map becomes one vector (paper 1: the usual average pooling of
    EfficientNet-B0). `sum` gives the same on crops of full size, up to a constant."""

    batch_norm: Literal["auto", "frozen", "batch"] = "auto"
    """Statistics of batch normalisation: `frozen` keeps those of the initial weights, `batch` takes
    each batch's own and measures them anew over training crops at the end. `auto` is `batch` for
    random weights, else `frozen`. Paper 1 states none; its code trains with `batch` and uses the
    running averages."""

    augment: Literal["none", "flips", "appearance"] = "flips"
    """Random changes of training crops: none, the eight flips and quarter turns, or these with
    changes of gamma, gain, blur, noise and background. Paper 1 states none."""

    normalisation: Literal["image", "set"] = "image"
    """Intensity range that becomes 0 to 1: that of each image, or one of the whole training set
    (paper 1's code: constants of the set)."""

    seed: int = Field(default=0, ge=0)
    """Seed of crops, augmentation, and of the weights that are not loaded."""

    save_every: int = Field(default=50, ge=1)
    """Steps between checkpoints."""

    log_every: int = Field(default=10, ge=1)
    """Steps between rows of metrics.csv."""

    @model_validator(mode="after")
    def _pretraining_belongs_to_fine_tuned(self) -> "CountingSettings":
        if self.regime == "fine_tuned" and self.pretrain_steps == 0:
            raise ValueError("regime fine_tuned needs pretrain_steps of 1 or more")
        if self.regime == "supervised" and self.pretrain_steps:
            raise ValueError("pretrain_steps is only for regime fine_tuned; set it to 0")
        return self

    @property
    def frozen_statistics(self) -> bool:
        """Whether batch normalisation keeps the statistics of the initial weights."""
        if self.batch_norm == "auto":
            return self.init != "random"
        return self.batch_norm == "frozen"

    @property
    def total_steps(self) -> int:
        """Steps of all phases."""
        return self.pretrain_steps + self.steps
