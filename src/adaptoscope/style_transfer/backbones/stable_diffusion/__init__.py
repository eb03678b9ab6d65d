"""Stable Diffusion 1.x as the backbone of style transfer: the faithful path of paper 1."""
