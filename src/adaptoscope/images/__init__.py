"""What an image is: files, intensities, cell centres and windows; nothing is learnt here.

Import from the modules themselves, for example ``from adaptoscope.images.files import read_image``.
"""
