"""Settings of the network that predicts stains, and of its training."""

from typing import Literal

from pydantic import Field, model_validator

from adaptoscope.training.settings import Settings
from adaptoscope.translation.layers import MULTIPLE


class CropSettings(Settings):
    """Which random crops a network is shown."""

    crop: int = Field(default=256, ge=MULTIPLE, multiple_of=MULTIPLE)
    """Side in pixels of the random crops."""

    flips: bool = True
    """Turn and mirror crops at random, eight ways."""

    seed: int = Field(default=0, ge=0)
    """Seed of crops, and of weights that are drawn."""


class StepSettings(CropSettings):
    """How often a training keeps what it has."""

    save_every: int = Field(default=100, ge=1)
    """Steps between checkpoints."""

    log_every: int = Field(default=10, ge=1)
    """Steps between rows of metrics.csv."""


class PairTrainingSettings(StepSettings):
    """How a network learns from images with their stains."""

    batch: int = Field(default=2, ge=1)
    """Crops per step (pix2pix: 1)."""

    learning_rate: float = Field(default=1e-3, gt=0)
    """Step size of Adam with moments 0.5 and 0.999 (pix2pix: 2e-4)."""

    decay_from: float = Field(default=0.5, ge=0, le=1)
    """Share of the steps after which the step size falls linearly to zero (pix2pix: half)."""


class TranslationSettings(PairTrainingSettings):
    """How a network learns to predict stains from light microscopy.

    The defaults suit a laptop; the paper's values stand beside them.
    """

    width: int = Field(default=16, ge=1, le=256)
    """Channels of the first of the 16 layers (paper 2: 64)."""

    norm: Literal["instance", "batch"] = "instance"
    """Normalisation. The paper's code normalises batches of one, in training mode, which is
    instance normalisation."""

    norm_at_test: Literal["running", "batch"] = "running"
    """With batch normalisation: predict with the averages of training, or with the statistics of
    each image. Without effect on instance normalisation."""

    dropout: Literal["none", "intermediate", "first"] = "none"
    """Layers with dropout in training: none; 10 to 12 as in the public PyTorch code; 9 to 11 as
    in the original code. Never on when predicting."""

    loss: Literal["l1", "pix2pix"] = "l1"
    """Absolute error alone, or with a discriminator of patches beside it (paper 2)."""

    l1_weight: float = Field(default=100.0, ge=0)
    """Weight of the absolute error beside the discriminator's verdict (pix2pix: 100)."""

    discriminator_width: int = Field(default=64, ge=1, le=256)
    """Channels of the discriminator's first layer."""

    crop: int = Field(default=256, ge=MULTIPLE, multiple_of=MULTIPLE)
    """Side in pixels of the random training crops (paper 2: whole images of 1024)."""

    steps: int = Field(default=2000, ge=1)
    """Training steps."""

    low_percentile: float = Field(default=0.1, ge=0, lt=50)
    """Percentile of all training pixels that becomes -1, for each channel."""

    high_percentile: float = Field(default=99.9, gt=50, le=100)
    """Percentile of all training pixels that becomes 1, for each channel."""

    log_every: int = Field(default=20, ge=1)
    """Steps between rows of metrics.csv."""

    @model_validator(mode="after")
    def _test_norm_belongs_to_batches(self) -> "TranslationSettings":
        if self.norm == "instance" and self.norm_at_test != "running":
            raise ValueError("norm_at_test is only for norm batch; leave it out")
        return self
