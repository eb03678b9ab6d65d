"""Classes of cell density, low, medium and high, as paper 1 groups its style images."""

CLASSES = ("low", "medium", "high")
"""Names of the classes, from sparse to dense."""

COUNT_LIMITS = (100.0, 200.0)
"""Cells in a field of 600 x 800 pixels with which ``medium`` and ``high`` begin (paper 1)."""

# Megapixels of the fields that paper 1 states its classes for.
_FIELD_MPX = 600 * 800 / 1e6

DENSITY_LIMITS = (COUNT_LIMITS[0] / _FIELD_MPX, COUNT_LIMITS[1] / _FIELD_MPX)
"""The same in cells per million pixels."""


def class_of(value: float, limits: tuple[float, float] = DENSITY_LIMITS) -> str:
    """Return the class of a density: [0, first), [first, second), [second, infinity)."""
    return CLASSES[sum(value >= limit for limit in limits)]
