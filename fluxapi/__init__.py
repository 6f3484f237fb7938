"""fluxapi puts one Flux instance on the web."""

__version__ = "0.2.0"
