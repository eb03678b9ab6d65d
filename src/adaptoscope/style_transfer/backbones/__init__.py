"""Latent diffusion models that style transfer runs on, in one table."""
