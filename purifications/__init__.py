"""Purifications, one a file."""
