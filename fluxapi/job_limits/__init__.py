"""Limits of the jobs of an instance, with which Flux would answer nobody for seconds, or end."""
