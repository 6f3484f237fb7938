"""The streams and sockets that clients open, their subscriptions, and the AsyncAPI document."""
