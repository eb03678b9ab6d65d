"""Stage 0 in transmitted light: the same invented cells in several modalities and stains."""
