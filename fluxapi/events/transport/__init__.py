"""How messages leave: wires, streams and sockets, and whether their readers keep up."""
