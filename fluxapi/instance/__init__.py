"""What a Flux instance can be asked to do, and the two that can do it."""
