"""Settings of the other ways to adapt: simple ones, restyled pairs, and an upper bound."""

from typing import Literal

from pydantic import Field

from adaptoscope.adaptation.settings import AdaptationSettings
from adaptoscope.training.settings import Settings
from adaptoscope.translation.settings import CropSettings, PairTrainingSettings


class BaselineSettings(Settings):
    """A network as it is, and images whose intensities are prepared in another way."""

    method: Literal["none", "own_range", "per_image", "histogram"] = "none"
    """`none`: the constants of the source set; `own_range`: percentiles 0.1 and 99.9 of the target
    set become -1 and 1; `per_image`: those of each image; `histogram`: each image gets the pooled
    histogram of the source set."""


class AdaBNSettings(CropSettings):
    """Statistics of batch normalisation measured anew in all layers (Li et al., 2016)."""

    method: Literal["adabn"] = "adabn"
    """Name of the method."""

    intensities: Literal["own", "source"] = "own"
    """What becomes -1 and 1 of target images: percentiles of their `own`, or the constants of the
    source set."""

    batch: int = Field(default=8, ge=2)
    """Crops whose statistics are taken together."""

    batches: int = Field(default=32, ge=1)
    """Batches over which statistics are averaged."""


class TeachingSettings(PairTrainingSettings):
    """How the whole network learns on from images with their stains."""

    intensities: Literal["own", "source"] = "own"
    """What becomes -1 and 1 of target images: percentiles of their `own`, or the constants of the
    source set. Those of the stains stay as they are."""

    steps: int = Field(default=400, ge=1)
    """Training steps."""


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
