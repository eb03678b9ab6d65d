"""Settings of the other ways to adapt: simple ones, restyled pairs, and an upper bound."""

from typing import Literal

from pydantic import Field

from adaptoscope.adaptation.settings import AdaptationSettings
from adaptoscope.training.settings import Settings
from adaptoscope.translation.layers import MULTIPLE


class BaselineSettings(Settings):
    """A network as it is, and images whose intensities are prepared in another way."""

    method: Literal["none", "own_range", "per_image", "histogram"] = "none"
    """`none`: the constants of the source set; `own_range`: percentiles 0.1 and 99.9 of the target
    set become -1 and 1; `per_image`: those of each image; `histogram`: each image gets the pooled
    histogram of the source set."""


class AdaBNSettings(Settings):
    """Statistics of batch normalisation measured anew in all layers (Li et al., 2016)."""

    method: Literal["adabn"] = "adabn"
    """Name of the method."""

    intensities: Literal["own", "source"] = "own"
    """What becomes -1 and 1 of target images: percentiles of their `own`, or the constants of the
    source set."""

    crop: int = Field(default=256, ge=MULTIPLE, multiple_of=MULTIPLE)
    """Side in pixels of the random crops."""

    batch: int = Field(default=8, ge=2)
    """Crops whose statistics are taken together."""

    batches: int = Field(default=32, ge=1)
    """Batches over which statistics are averaged."""

    flips: bool = True
    """Turn and mirror crops at random, eight ways."""

    seed: int = Field(default=0, ge=0)
    """Seed of the crops."""


class TeachingSettings(Settings):
    """How the whole network learns on from images with their stains."""

    intensities: Literal["own", "source"] = "own"
    """What becomes -1 and 1 of target images: percentiles of their `own`, or the constants of the
    source set. Those of the stains stay as they are."""

    crop: int = Field(default=256, ge=MULTIPLE, multiple_of=MULTIPLE)
    """Side in pixels of the random crops."""

    batch: int = Field(default=2, ge=1)
    """Crops per step."""

    steps: int = Field(default=400, ge=1)
    """Training steps."""

    learning_rate: float = Field(default=1e-3, gt=0)
    """Step size of Adam with moments 0.5 and 0.999."""

    decay_from: float = Field(default=0.5, ge=0, le=1)
    """Share of the steps after which the step size falls linearly to zero."""

    flips: bool = True
    """Turn and mirror crops at random, eight ways."""

    seed: int = Field(default=0, ge=0)
    """Seed of the crops."""

    save_every: int = Field(default=100, ge=1)
    """Steps between checkpoints."""

    log_every: int = Field(default=10, ge=1)
    """Steps between rows of metrics.csv."""


class OracleSettings(TeachingSettings):
    """The whole network learns on, from target images with their stains: an upper bound."""

    method: Literal["oracle"] = "oracle"
    """Name of the method."""


class RestyledSettings(TeachingSettings):
    """The whole network learns on, from source images in the look of the target."""

    method: Literal["restyled"] = "restyled"
    """Name of the method."""

    contrast: Literal["auto", "same", "inverted"] = "auto"
    """Whether bright structures of the source are bright in the target; `auto` estimates it."""

    scale: float | None = Field(default=None, gt=0)
    """Size of the target's cells in pixels, relative to that of the source's; by default it is
    estimated."""


MethodSettings = (
    AdaptationSettings | BaselineSettings | AdaBNSettings | OracleSettings | RestyledSettings
)

UntouchedMethod = Literal["none", "own_range", "histogram"]

UNTOUCHED: dict[Literal["own", "source", "histogram"], UntouchedMethod] = {
    "own": "own_range",
    "source": "none",
    "histogram": "histogram",
}
"""What stands for the network as it was, by the intensities that adaptations of it see."""
