"""The training shape that fits the observation best."""
