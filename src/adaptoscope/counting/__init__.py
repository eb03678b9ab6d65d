"""Stage 3 of 3 in cell counting: learn to count cells, and count them on whole images."""
