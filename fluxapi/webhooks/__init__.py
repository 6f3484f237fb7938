"""Webhooks: requests that the service sends when something has happened."""
