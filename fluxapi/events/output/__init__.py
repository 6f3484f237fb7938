"""What jobs write, for any number of viewers."""
