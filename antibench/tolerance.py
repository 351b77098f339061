"""How much strength a protection may lose before it counts as weaker, if nobody says otherwise."""

TOLERANCE = 0.02
"""Of strength. What it lets pass and what it finds is measured in docs/results/regression-gate.md."""
