"""The process itself: its user, its signals, its open files, the broker that it runs under."""
