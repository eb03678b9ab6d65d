"""Stage 1: Syn-HC, hard-coded synthetic cells whose number is known (paper 1, Algorithm 1)."""

from importlib import import_module
from typing import Any

_HOMES = {
    "SetMeasures": "likeness",
    "SynthesisSettings": "settings",
    "SyntheticImage": "generate",
    "draw_synthetic": "generate",
    "measure_set": "likeness",
    "settings_like": "likeness",
    "synthesise": "write",
}

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    """Fetch a public name from its module on first use; settings need no scientific library."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
