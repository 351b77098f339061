"""Engines that run the jobs of a plan."""
