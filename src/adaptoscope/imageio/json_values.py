"""Values as JSON can hold them."""

import json
import math
from collections.abc import Mapping
from typing import Any

# Longer numbers are an attack, not a measurement.
_MOST_DIGITS = 30


def plain(value: object) -> object:
    """Turn a value into what JSON can hold: nested, of numbers, texts, paths or NumPy's values."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, bool | int | float | str) or value is None:
        return value
    return str(value)


def rounded(value: float, digits: int = 3) -> str:
    """Return a number with so many significant digits as a person reads it: without powers of ten.

    Digits before the point are all kept; what would begin after the fourth decimal is only bounded.

    Examples
    --------
    >>> [rounded(value) for value in (2173.4, 12.648, 0.03741, 1.4e-05, 0.0)]
    ['2173', '12.6', '0.0374', '< 0.0001', '0']
    >>> rounded(0.5), rounded(-0.03741, 2), rounded(float("inf"))
    ('0.5', '-0.037', 'inf')
    """
    if not math.isfinite(value) or value == 0:
        return f"{value:g}"
    if abs(value) < 0.0001:
        return f"< {math.copysign(0.0001, value):.4f}" if value > 0 else "> -0.0001"
    decimals = min(max(0, digits - 1 - math.floor(math.log10(abs(value)))), digits + 3)
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def read_json(text: str) -> Any:
    """Return what a text of JSON holds; anything that cannot be used is a ValueError.

    That includes tables within one another too deeply, and numbers of more digits than any quantity
    has.
    """
    try:
        return json.loads(text, parse_int=_whole_number)
    except RecursionError as error:
        raise ValueError("tables within one another, too deep to read") from error


def _whole_number(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)
