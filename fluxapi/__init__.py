"""fluxapi puts one Flux instance on the web."""

__version__ = "0.1.0"
