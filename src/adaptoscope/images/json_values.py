"""Values as JSON can hold them."""

import math
from collections.abc import Mapping


def plain(value: object) -> object:
    """Turn a value into what JSON can hold.

    Parameters
    ----------
    value
        A number, text, path, or a nested list or mapping of these; NumPy scalars and arrays too.
    """
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
