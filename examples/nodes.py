"""List the nodes, and what of them is in use."""

from fluxapi.client import Client

with Client() as flux:
    for node in flux.resources()["nodes"]:
        cores = node["cores"]
        print(f"{node['name']:<20} {node['state']:<10} {cores['allocated']}/{cores['total']} cores")
