"""Long runs that `make soak` starts: faults, the fuzz of the fold, and load."""
