"""Stage 2 of 3 in cell counting: give drawings the look of real images, screen the result."""
