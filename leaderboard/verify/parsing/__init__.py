"""Parsing the predictions in a process of its own, with limits, that can only answer with frames of bytes.

`child` runs there and imports no more than it needs; `parent` starts it and believes nothing it says.
"""
