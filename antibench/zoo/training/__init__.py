"""Training of the small models. Start it with `python -m antibench.zoo.train`."""
