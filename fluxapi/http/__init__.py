"""What every request goes through between the socket and its handler."""
