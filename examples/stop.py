"""End the service; with --instance, the Flux instance and its jobs, too."""

import sys

from fluxapi.client import Client

with Client() as flux:
    flux.stop(instance="--instance" in sys.argv[1:])
    print("stopping")
