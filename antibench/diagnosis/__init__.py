"""Is a protection's optimiser doing its work? What catches masked gradients, and attacks that are no attacks."""
