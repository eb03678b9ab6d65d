"""Stage 1: Syn-HC, hard-coded synthetic cells whose number is known (paper 1, Algorithm 1)."""
