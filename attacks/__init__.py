"""Protections, one a file."""
