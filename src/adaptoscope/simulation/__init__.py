"""Stage 0: an invented specimen under an invented microscope, with truth.

The offline stand-in for real images in the demo and the tests, and a source of endless varied
images for training networks that have to work on microscopes never seen before.
"""
