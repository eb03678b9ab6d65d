"""Stage 1: Syn-HC, hard-coded synthetic cells whose number is known (paper 1, Algorithm 1)."""

from adaptoscope.synthesis.generate import SyntheticImage, draw_synthetic
from adaptoscope.synthesis.likeness import SetMeasures, measure_set, settings_like
from adaptoscope.synthesis.settings import SynthesisSettings
from adaptoscope.synthesis.write import open_synthesis, synthesise, write_synthetic

__all__ = [
    "SetMeasures",
    "SynthesisSettings",
    "SyntheticImage",
    "draw_synthetic",
    "measure_set",
    "open_synthesis",
    "settings_like",
    "synthesise",
    "write_synthetic",
]
