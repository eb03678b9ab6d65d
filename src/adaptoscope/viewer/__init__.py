"""The plugin for napari: plain functions on arrays and layers, and thin widgets over them."""
