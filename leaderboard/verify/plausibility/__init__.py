"""Whether predictions can be what they are said to be. A finding is a reason to look, with its evidence, no verdict."""
