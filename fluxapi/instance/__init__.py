"""The protocol of a Flux instance, and its two implementations."""
