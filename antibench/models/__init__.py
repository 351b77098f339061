"""Adapters of image-to-video models, one a file."""
