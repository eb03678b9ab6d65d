"""Kinds of counters, one class for each, in one table (`table.KINDS`)."""
