"""Contract checks that plugin authors can run."""
