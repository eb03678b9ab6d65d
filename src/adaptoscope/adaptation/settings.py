"""Settings of layer matching and of its relatives."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from adaptoscope.errors import SettingsError
from adaptoscope.translation.layers import LAYERS
from adaptoscope.translation.settings import StepSettings


class AdaptationSettings(StepSettings):
    """How the first layers of a network are learnt anew for another microscope, without pairs.

    The paper states neither optimiser, batch, steps nor number of target images; these are ours.
    """

    layers: tuple[int, ...] = (3,)
    """Layers whose features are matched. All layers up to the last of them are learnt anew. 16 is
    the stain itself, which is ADDA (paper 2, section 3.1)."""

    method: Literal["adversarial", "coral", "mmd"] = "adversarial"
    """What is made small between the features of both domains: a discriminator's success (LM-ADDA);
    the distance of their covariances and means (`coral`); or their maximum mean discrepancy."""

    skips: Literal["adapted", "frozen_source", "match_cut"] = "adapted"
    """What the frozen rest gets besides the matched layer: the skips of the `adapted` layers, which
    nothing matches (the paper is silent; the simplest reading); those of the untouched source
    layers (`frozen_source`); or adapted ones that are matched too (`match_cut`)."""

    intensities: Literal["own", "source", "histogram"] = "own"
    """What becomes -1 and 1 of target images: percentiles of their `own`; the constants of the
    `source` set, as the paper's exposure shifts need; or these after each image got the pooled
    `histogram` of the source set, also when predicting."""

    batch: int = Field(default=4, ge=1)
    """Crops of each domain per step."""

    steps: int = Field(default=300, ge=1)
    """Steps of the generator; the discriminator takes as many."""

    learning_rate: float = Field(default=2e-4, gt=0)
    """Step size of Adam with moments 0.5 and 0.999 (the paper scans 1e-5 to 1e-1)."""

    discriminator_rate: float = Field(default=1.0, gt=0)
    """Step size of the discriminator, as a multiple of `learning_rate`."""

    discriminator_parameters: int = Field(default=200_000, ge=1000)
    """Parameters of the discriminator, about as many at every layer, so that layers compare."""

    r1: float = Field(default=10.0, ge=0)
    """Weight of the penalty on the discriminator's gradient at source features (R1); 0: none."""

    anchor: float = Field(default=0.0, ge=0)
    """Weight of the absolute difference of adapted from source features on source images."""

    averaging: float = Field(default=0.98, ge=0, lt=1)
    """Decay of the average of the weights that is kept; 0 keeps the last weights."""

    clip: float = Field(default=1.0, gt=0)
    """Largest norm of a gradient of the adapted layers."""

    cached: int = Field(default=128, ge=1)
    """Source crops whose features are computed once and drawn from; as many as half a gigabyte
    holds, at most."""

    @field_validator("layers")
    @classmethod
    def _layers_exist(cls, layers: tuple[int, ...]) -> tuple[int, ...]:
        if not layers or any(not 1 <= layer <= LAYERS for layer in layers):
            raise ValueError(f"layers are numbered from 1 to {LAYERS}; name at least one")
        if list(layers) != sorted(set(layers)):
            raise ValueError("name each layer once, in rising order")
        return layers

    @model_validator(mode="after")
    def _cuts_are_single(self) -> "AdaptationSettings":
        if self.skips == "match_cut" and len(self.layers) > 1:
            raise ValueError("skips match_cut needs a single layer")
        return self

    @property
    def last(self) -> int:
        """The last layer that is learnt anew."""
        return self.layers[-1]


def layers_from(text: str) -> tuple[int, ...]:
    """Read layers from an option, as ``2`` or ``2,5``, in any order."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and 1 <= int(part) <= LAYERS for part in parts):
        raise SettingsError(
            "The layers are not clear.",
            expected=f"auto, a number from 1 to {LAYERS}, or several as 2,5",
            found=text or "nothing",
            remedy="correct --layer",
        )
    return tuple(sorted({int(part) for part in parts}))
