"""What the service says of itself: the log, metrics, traces, the block at its start."""
