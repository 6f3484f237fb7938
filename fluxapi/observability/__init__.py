"""The log, metrics, traces, and the block that is printed at the start."""
