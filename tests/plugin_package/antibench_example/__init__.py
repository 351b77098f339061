"""A protection, a purification and a metric in a package of their own: all that a third party has to write."""

from antibench_example.plugins import Brightness, Checkerboard, Mirror

__all__ = ["Brightness", "Checkerboard", "Mirror"]
