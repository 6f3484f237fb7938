"""The service behind proxies, below their paths: nginx, jupyter-server-proxy, Open OnDemand."""
