"""Where the randomness of one image comes from."""

import hashlib

import numpy as np


def generator_of(seed: int, name: str, attempt: int = 0) -> np.random.Generator:
    """Return the source of one image's randomness: a function of these three alone."""
    words = [str(seed), name, *([str(attempt)] if attempt else [])]
    digest = hashlib.sha256("\0".join(words).encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))
