"""The control that ignores the case: the bottom of every table."""
