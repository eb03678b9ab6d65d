"""Stage 5: re-learn the first layers of a stain network for another microscope, without pairs.

Second of the two stages of virtual staining; `adaptoscope.translation` learns the stains first.
"""
