"""Notices: what has happened, as documents for programs outside of the service."""
