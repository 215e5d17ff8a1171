"""Tasks, observations, metrics, the runner and its records: everything that judges a method, and no method."""
