"""The executor ``fluxapi`` of PSI/J, which finds it by ``psij-descriptors``."""
