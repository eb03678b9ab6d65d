"""How real made images look, and simple ways to the same end."""
