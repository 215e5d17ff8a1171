"""How good a set of generated shapes is as a set: MMD, COV, 1-NNA and their intervals."""
