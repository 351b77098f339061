"""What protections share: perturbation spaces, objective terms and the descent."""
