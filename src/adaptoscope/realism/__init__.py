"""How near made images come to real ones: distances of sets, copies, and the floor of chance."""
