"""Numbers of states and results."""

from fluxapi.compat.constants import *  # noqa: F403 - the same names
