"""Metrics, one a file; the networks that judge are in `judges`."""
