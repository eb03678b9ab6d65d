"""Stage 0: an invented specimen under an invented microscope, with truth.

The offline stand-in for real images in the demo and the tests, and a source of endless varied
images for training networks that have to work on microscopes never seen before.
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "SimulatedField": "generate",
    "SimulationSettings": "settings",
    "draw_field": "generate",
    "randomised_settings": "randomisation",
    "simulate": "write",
}

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    """Fetch a public name from its module on first use; settings need no scientific library."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
