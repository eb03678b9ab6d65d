"""Whether the drawn cells are still there."""
