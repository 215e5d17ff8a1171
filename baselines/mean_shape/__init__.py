"""The best answer that does not depend on the observation."""
