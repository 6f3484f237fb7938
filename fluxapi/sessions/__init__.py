"""What belongs to one Flux instance, and the instances that the service serves."""
