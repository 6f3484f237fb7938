"""How messages are sent: wires, streams, sockets, and flow control."""
