"""The command ``flux``: a thin layer over the commands of ``fluxapi``."""
