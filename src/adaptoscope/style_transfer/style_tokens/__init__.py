"""Style tokens: learnt from real images, class by class, or imported."""
