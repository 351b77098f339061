"""Suites: TOML files, data and never code."""
