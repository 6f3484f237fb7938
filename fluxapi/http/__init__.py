"""HTTP: the server, the middleware and the checks between a socket and its handler."""
