"""Figures, tables and single-file HTML reports: the same inputs give the same bytes."""
