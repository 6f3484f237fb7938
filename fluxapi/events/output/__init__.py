"""The output of jobs, for any number of viewers."""
