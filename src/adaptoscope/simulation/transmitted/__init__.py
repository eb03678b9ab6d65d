"""Stage 0 in transmitted light: the same invented cells in several modalities and stains."""

from importlib import import_module
from typing import Any

_HOMES = {
    "MODALITIES": "settings",
    "Modality": "settings",
    "STAINS": "settings",
    "TransmittedField": "generate",
    "TransmittedSettings": "settings",
    "draw_transmitted_field": "generate",
    "simulate_pairs": "write",
}

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    """Fetch a public name from its module on first use; settings need no scientific library."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
