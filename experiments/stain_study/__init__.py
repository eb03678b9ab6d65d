"""Studies of virtual staining: one source network, many shifts, layers, rates and seeds."""
