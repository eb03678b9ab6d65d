"""Other microscopes, made from images of one: what can be changed, and how it is applied."""
