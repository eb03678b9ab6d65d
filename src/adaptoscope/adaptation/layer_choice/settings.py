"""Settings of an adaptation that chooses its way without labels."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from adaptoscope.adaptation.baseline_settings import RestyledSettings
from adaptoscope.adaptation.settings import AdaptationSettings
from adaptoscope.training.settings import Settings

Criterion = Literal["uncertainty", "separability", "turned", "consensus", "ranks", "look"]

LOOKED_AT = 8
"""Fields of each domain on which networks are compared, at most."""


class AutoSettings(Settings):
    """Which ways to adapt are tried, and how one of them is chosen."""

    layers: tuple[tuple[int, ...], ...] = ((2,), (3,), (5,), (13,))
    """What is matched in the source network, one list of layers a candidate."""

    restyling: RestyledSettings | None = RestyledSettings()
    """How restyled source pairs are learnt; nothing leaves them out. Every contrast that the
    images leave open is a candidate. They need the source's stains."""

    restyled_layers: tuple[tuple[int, ...], ...] = ((13,),)
    """What is matched in each network that learnt from restyled pairs; further candidates."""

    seeds: tuple[Annotated[int, Field(ge=0)], ...] = (0, 1)
    """Seeds of each candidate."""

    criterion: Criterion = "look"
    """How one is chosen: see `adaptoscope.adaptation.layer_choice.scores`."""

    adaptation: AdaptationSettings = AdaptationSettings()
    """How layers are matched; layers and seed are those above."""

    look_at: int = Field(default=LOOKED_AT, ge=2)
    """Target images on which candidates are compared, at most."""

    @model_validator(mode="after")
    def _candidates_can_be_compared(self) -> AutoSettings:
        if len(self.layers) < 2 or len(self.seeds) < 2:
            raise ValueError("layers and seeds need two entries at least, to be compared")
        for entries in (self.layers, self.restyled_layers, self.seeds):
            if len(set(entries)) < len(entries):
                raise ValueError("name each seed, and each list of layers, once")
        for layers in (*self.layers, *self.restyled_layers):
            self.adaptation.changed(layers=layers)
        return self
