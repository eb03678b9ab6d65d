"""Settings of the counting stage. Paper 1 is InST-Microscopy."""

import math
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from adaptoscope.counting.post_processing import Blurred, Edges
from adaptoscope.training.settings import Settings

Regime = Literal["supervised", "fine_tuned", "dual", "dacs"]
NEEDS_SYNTHETIC = ("fine_tuned", "dual", "dacs")


class CountingSettings(Settings):
    """How a counter is trained, whatever its head."""

    head: str
    """Name of the head in the table of kinds."""

    regime: Regime = "supervised"
    """`supervised` trains on real images; `fine_tuned` first on synthetic ones, then all layers on
    real ones; `dual` on half a batch of each; `dacs` on synthetic images and on mixtures of real
    and synthetic ones (paper 1, section on training regimes)."""

    mode: Literal["cutmix", "teacher"] = "cutmix"
    """Only in `dacs`. `cutmix`: real images with their labels (paper 1). `teacher`: real images
    without labels; an averaged copy of the network says what it sees in them (ours, after Tranheden
    et al., 2021)."""

    mix_alpha: float = Field(default=1.0, gt=0)
    """Both parameters of the Beta distribution that boxes of `cutmix` are drawn with (paper 1)."""

    mix_share: float = Field(default=0.5, ge=0, le=1)
    """Share of the real crops that are mixed with a synthetic one in `cutmix` (paper 1: 0.5)."""

    init: str = "nuclei"
    """Where the network starts: `nuclei` (bundled), `imagenet` (paper 1, regressor only),
    `imagenet_lite` (EfficientNet-Lite0, regressor only), `random`, or a path to a .safetensors
    file."""

    steps: int = Field(default=300, ge=1)
    """Training steps on the real images, or on both in `dual` and `dacs`."""

    pretrain_steps: int = Field(default=0, ge=0)
    """Steps on the synthetic images before those on real ones; only in `fine_tuned`."""

    epochs: int | None = Field(default=None, ge=1)
    """In place of `steps` and `pretrain_steps`: passes over the images, each of which gives one
    crop a pass. In `fine_tuned` so many over the synthetic images, then over the real ones; in
    `dual` and `dacs` over the real ones (paper 1: 50)."""

    batch: int = Field(default=16, ge=2)
    """Crops per step (paper 1: 16; half of each domain in `dual` and `dacs`)."""

    crop: int = Field(default=200, ge=32)
    """Side in pixels of the random training crops."""

    pad: Literal["refuse", "reflect"] = "refuse"
    """What to do with training images smaller than a crop: refuse them, or continue them and their
    cells by reflection (ours)."""

    learning_rate: float = Field(default=1e-4, gt=0)
    """Step size of Adam."""

    schedule: Literal["constant", "cosine"] = "constant"
    """Course of the learning rate. Paper 1 states none, so it is constant; `cosine` (ours) rises
    during the first tenth of each phase and then falls to zero, which suits few steps."""

    weight_decay: float = Field(default=1e-5, ge=0)
    """Weight decay of Adam, added to the gradient (paper 1: 1e-5)."""

    averaging: float = Field(default=0.0, ge=0, lt=1)
    """Decay of the average of the weights that is kept as the counter; 0 keeps the last weights."""

    checkpoint: Literal["last", "steadiest"] = "last"
    """Weights that are kept: those of the `last` step, or of ten moments of the last phase the
    `steadiest`, which contradict themselves least on real crops whose labels are not read. For
    training without real labels."""

    batch_norm: Literal["auto", "frozen", "batch"] = "auto"
    """Statistics of batch normalisation: `frozen` keeps those of the initial weights, `batch` takes
    each batch's own and measures them anew over training crops at the end. `auto` is `batch` for
    random weights, else `frozen`. Paper 1 states none; its code trains with `batch` and uses the
    running averages."""

    augment: Literal["none", "flips", "appearance"] = "flips"
    """Random changes of training crops: none, the eight flips and quarter turns, or these with
    changes of gamma, gain, blur, noise and background. Paper 1 states none."""

    scale_jitter: float = Field(default=1.0, ge=1, le=2)
    """Crops are enlarged or made smaller by a random factor of up to this much."""

    normalisation: Literal["image", "set", "gain"] = "image"
    """Intensity range that becomes 0 to 1: that of each `image`; one of the whole training `set`
    (paper 1's code: constants of the set); or `gain` (ours), each image's own background and one
    distance from there to the cells, which keeps how bright images are beside each other."""

    folds: int = Field(default=0, ge=0, le=20)
    """Train so many further counters, each without a part of the images, to choose how a density
    is read and to make intervals; the counter itself is then trained on all labelled images, those
    of the split ``val`` among them. 0 uses the split ``val`` for both."""

    seed: int = Field(default=0, ge=0)
    """Seed of crops, augmentation, and of the weights that are not loaded."""

    save_every: int = Field(default=50, ge=1)
    """Steps between checkpoints."""

    log_every: int = Field(default=10, ge=1)
    """Steps between rows of metrics.csv."""

    @model_validator(mode="after")
    def _pretraining_belongs_to_fine_tuned(self) -> "CountingSettings":
        if self.regime == "fine_tuned" and self.pretrain_steps == 0 and self.epochs is None:
            raise ValueError("regime fine_tuned needs pretrain_steps of 1 or more")
        if self.regime != "fine_tuned" and self.pretrain_steps:
            raise ValueError("pretrain_steps is only for regime fine_tuned; set it to 0")
        if self.folds == 1:
            raise ValueError("folds needs 2 or more; 0 makes none")
        if self.regime != "dacs" and self.mode != "cutmix":
            raise ValueError("mode is only for regime dacs; leave it out")
        if self.regime in ("dual", "dacs") and self.batch % 2:
            raise ValueError("batch must be even where half of it is synthetic")
        return self

    def record_facts(self) -> dict[str, Any]:
        """Return what `ModelRecord` has to hold of it besides what all networks share."""
        return {}

    @property
    def working_diameter(self) -> float | None:
        """Cell diameter in pixels that images are brought to; None where a head says a number."""
        return None

    @property
    def refines_annotations(self) -> bool:
        """Whether centres marked by hand are moved to the middle of their blobs."""
        return False

    @property
    def frozen_statistics(self) -> bool:
        """Whether batch normalisation keeps the statistics of the initial weights."""
        if self.batch_norm == "auto":
            return self.init != "random"
        return self.batch_norm == "frozen"

    def in_steps(self, real: int, synthetic: int) -> Self:
        """Return the settings with steps in place of epochs, for so many images of each kind."""
        if self.epochs is None:
            return self
        share = 2 if self.regime in ("dual", "dacs") else 1
        steps = math.ceil(self.epochs * real * share / self.batch)
        begun = math.ceil(self.epochs * synthetic / self.batch)
        fine_tuned = self.regime == "fine_tuned"
        return self.changed(epochs=None, steps=steps, pretrain_steps=begun if fine_tuned else 0)

    @property
    def total_steps(self) -> int:
        """Steps of all phases."""
        return self.pretrain_steps + self.steps


class RegressorSettings(CountingSettings):
    """A network that says one number for a crop; the defaults are those of paper 1."""

    head: Literal["regressor"] = "regressor"
    """EfficientNet-B0 with one output; windows of an image are summed."""

    loss: Literal["mse", "huber", "poisson"] = "mse"
    """Error that is made small, of standardised counts. Paper 1 does not state it; its code uses
    the squared error. `poisson` divides the squared error by the count, as its variance."""

    pooling: Literal["mean", "sum"] = "mean"
    """How the feature map becomes one vector (paper 1: the usual average pooling of
    EfficientNet-B0). `sum` gives the same on crops of full size, up to a constant."""

    def record_facts(self) -> dict[str, Any]:
        """Return the pooling."""
        return {"pooling": self.pooling}

    @model_validator(mode="after")
    def _teachers_see_places(self) -> "RegressorSettings":
        if self.mode == "teacher":
            raise ValueError(
                "mode teacher needs a head that says where cells are; set head to centres"
            )
        return self


class DensitySettings(CountingSettings):
    """A network that says where cells are: a density whose sum is their number."""

    head: Literal["centres", "fcrn_a"] = "centres"
    """`centres`: a small U-Net at half size, ours. `fcrn_a`: Xie, Noble and Zisserman (2018)."""

    init: str = "nuclei"
    """Where the network starts: `nuclei` (bundled, `centres` only), `random` (where nothing is
    said `fcrn_a`), or a path to a .safetensors file."""

    crop: int = Field(default=128, ge=64, multiple_of=16)
    """Side in pixels of the random training crops, after images are brought to `diameter`."""

    diameter: float = Field(default=12.0, ge=4)
    """Cell diameter in pixels that images are enlarged or made smaller to."""

    pad: Literal["refuse", "reflect"] = "reflect"
    """What to do with training images smaller than a crop: see `CountingSettings`."""

    snap_points: bool = True
    """Move centres marked by hand to the middle of the blob that they lie on, before training."""

    count: Literal["peaks", "density"] = "peaks"
    """Whether the counter says the number of peaks of the density, or its sum. Where nothing is
    said `fcrn_a` takes the sum, as published."""

    loss: Literal["mse", "huber", "poisson"] = "poisson"
    """Error of the density that is made small, place by place. Where nothing is said `fcrn_a` takes
    `mse`: its density may be below 0."""

    batch: int = Field(default=8, ge=2)
    """Crops per step."""

    learning_rate: float = Field(default=3e-4, gt=0)
    """Step size of Adam."""

    schedule: Literal["constant", "cosine"] = "cosine"
    """Course of the learning rate: see `CountingSettings`."""

    averaging: float = Field(default=0.98, ge=0, lt=1)
    """Decay of the average of the weights that is kept as the counter; 0 keeps the last weights."""

    augment: Literal["none", "flips", "appearance"] = "appearance"
    """Random changes of training crops: see `CountingSettings`."""

    scale_jitter: float = Field(default=1.2, ge=1, le=2)
    """Crops are enlarged or made smaller by a random factor of up to this much."""

    def record_facts(self) -> dict[str, Any]:
        """Return the cell diameter that images are brought to."""
        return {"working_diameter_px": self.diameter}

    @property
    def working_diameter(self) -> float:
        """Cell diameter in pixels that images are brought to."""
        return self.diameter

    @property
    def refines_annotations(self) -> bool:
        """As `snap_points` says."""
        return self.snap_points

    @model_validator(mode="before")
    @classmethod
    def _fcrn_a_as_published(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("head") == "fcrn_a":
            return {"count": "density", "loss": "mse", "init": "random", **values}
        return values

    @model_validator(mode="after")
    def _heads_and_modes_fit(self) -> "DensitySettings":
        if self.head == "fcrn_a" and self.loss == "poisson":
            raise ValueError("loss poisson needs a density above 0, which fcrn_a has not; set mse")
        if self.mode == "teacher" and self.folds:
            raise ValueError("folds measure on labels; mode teacher reads none, set folds to 0")
        if self.mode == "teacher" and self.averaging == 0:
            raise ValueError("mode teacher is the average of the weights; set averaging above 0")
        if self.head == "fcrn_a" and self.init == "nuclei":
            raise ValueError("there are no bundled weights for fcrn_a; set init to random")
        return self


class PredictSettings(Settings):
    """How images are read and counted."""

    channel: int | None = None
    """Which channel to count, from 0, of images that have several."""

    z: int | Literal["max"] | None = None
    """Which focal plane to count, from 0, or the brightest values along the stack."""

    pixel_size_um: float | None = Field(None, gt=0)
    """Edge of a pixel in micrometres, for files that do not tell."""

    edges: Edges | None = None
    """Which cells cut by the border of an image count, where the counter is a density; None: as the
    counter does."""

    blurred: Blurred | None = None
    """Whether cells count that are blurred or faint beside the others of their image, where the
    counter is a density; None: as the counter does."""

    diameter_px: float | None = Field(None, gt=0)
    """Cell diameter in pixels, in place of what is measured or follows from the pixel sizes."""

    max_pixels: int = Field(1_000_000_000, ge=1)
    """Images of more pixels are refused where the file or the counter needs them whole."""
