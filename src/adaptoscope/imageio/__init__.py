"""Files: TIFF, PNG, OME-Zarr and CSV in and out, pixel sizes, and writing whole files or none.

Import from the modules themselves: ``from adaptoscope.imageio.files import read_image``.
"""
