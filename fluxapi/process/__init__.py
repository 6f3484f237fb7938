"""The process of the service: its user, signals, open files and parent broker."""
