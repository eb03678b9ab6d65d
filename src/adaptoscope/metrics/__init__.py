"""Measures of counting, of matched points and of their uncertainty; pure functions only."""
