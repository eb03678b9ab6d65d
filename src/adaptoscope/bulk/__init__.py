"""Bulk work: one image is one task that can be repeated, in this process or in several."""
