"""Controls and baselines: what GenMed has to beat. One folder a method, found by entry point."""
