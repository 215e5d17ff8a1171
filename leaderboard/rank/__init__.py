"""Tables of what may be compared, ranked as far as statistics carry."""
