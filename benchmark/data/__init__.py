"""Data sets as cases to complete (`shapes`) and as shapes to learn from (`training`), found by name (`catalogue`)."""
