"""Handlers of requests: each makes one call and returns a response."""
