"""What the stages hand to each other on disk: counted images and paired stains.

Import from the modules themselves, for example
``from adaptoscope.datasets.counted_images import open_counted_images``.
"""
