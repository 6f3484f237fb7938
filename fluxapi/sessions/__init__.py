"""The session of a Flux instance, and the registry of open sessions."""
