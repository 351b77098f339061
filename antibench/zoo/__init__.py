"""The embedded world: renderer, networks, training and weights of the small models."""
