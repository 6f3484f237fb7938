"""Flux for tools that know only Flux: a package ``flux`` and a command ``flux`` for the service.

Both are below ``path/``, which is on no path until ``fluxapi env`` puts it there. They consist of
names that lead to this package.
"""
