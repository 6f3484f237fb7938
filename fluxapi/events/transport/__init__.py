"""The bytes of messages: wires, flow control, and the limits of connections."""
