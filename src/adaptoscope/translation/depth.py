"""The depth of the 16-layer U-Net, which settings have to know and its network too."""

LAYERS = 16
DOWNS = 8
MULTIPLE = 2**DOWNS
"""Sides of images must be multiples of so many pixels."""
