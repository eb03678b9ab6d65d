"""Files: TIFF, PNG and OME-Zarr in and out, pixel sizes, and writing whole files or none.

Import from the modules themselves: ``from adaptoscope.imageio.files import read_image``.
"""
