"""Which layers to learn anew: measures without labels, scores from them, and the choice."""
