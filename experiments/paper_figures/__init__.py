"""Figures 2 to 4 and Table I of paper 1, made anew on real images of one's own."""
