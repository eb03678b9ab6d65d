"""What an image shows: cell centres, windows, detectors, artefacts; nothing is learnt here.

Import from the modules themselves, for example ``from adaptoscope.images.blobs import cell_mask``.
"""
