"""Handlers: parse, validate, call one thing, answer."""
