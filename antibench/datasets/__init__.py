"""Datasets: photos with captions."""
