"""Stage 4: learn light microscopy to fluorescence stain, from pairs taken on one microscope.

First of the two stages of virtual staining; `adaptoscope.adaptation` carries what is learnt here
to another microscope.
"""
