"""What ways of stylising do to the same drawings: structure, yield, realism, side by side."""
