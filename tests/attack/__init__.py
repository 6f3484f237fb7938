"""Attacks that once succeeded: each test fails without its answer."""
