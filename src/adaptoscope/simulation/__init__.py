"""Stage 0: an invented specimen under an invented microscope, with truth.

The offline stand-in for real images in the demo and the tests, and a source of endless varied
images for training networks that have to work on microscopes never seen before.
"""

from adaptoscope.simulation.generate import SimulatedField, draw_field
from adaptoscope.simulation.randomisation import randomised_settings
from adaptoscope.simulation.settings import SimulationSettings
from adaptoscope.simulation.write import simulate, write_field

__all__ = [
    "SimulatedField",
    "SimulationSettings",
    "draw_field",
    "randomised_settings",
    "simulate",
    "write_field",
]
