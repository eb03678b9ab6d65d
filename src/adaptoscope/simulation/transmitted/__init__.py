"""Stage 0 in transmitted light: the same invented cells in several modalities and stains."""

from adaptoscope.simulation.transmitted.generate import TransmittedField, draw_transmitted_field
from adaptoscope.simulation.transmitted.settings import (
    MODALITIES,
    STAINS,
    Modality,
    TransmittedSettings,
)
from adaptoscope.simulation.transmitted.write import simulate_pairs

__all__ = [
    "MODALITIES",
    "STAINS",
    "Modality",
    "TransmittedField",
    "TransmittedSettings",
    "draw_transmitted_field",
    "simulate_pairs",
]
