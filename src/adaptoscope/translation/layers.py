"""How the network of paper 2 is laid out, for whoever does without torch."""

from typing import Literal

# 8 convolutions down and 8 up (paper 2, section 4.1).
LAYERS = 16
DOWNS = 8
MULTIPLE = 2**DOWNS
"""Sides of images must be multiples of so many pixels."""

Norm = Literal["instance", "batch"]
Dropout = Literal["none", "intermediate", "first"]
