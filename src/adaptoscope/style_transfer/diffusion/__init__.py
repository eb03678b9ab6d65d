"""From a clean latent to noise and back: schedule, inversion, samplers, guidance."""
