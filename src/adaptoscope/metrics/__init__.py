"""Measures of counting, matched points, predicted stains and their uncertainty; pure functions."""
