"""The control that knows the truth: every metric must be perfect on it."""
