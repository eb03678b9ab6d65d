"""The compact backbone and its training."""
