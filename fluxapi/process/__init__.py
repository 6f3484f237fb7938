"""The process of the service: user, signals, open files, parent broker, background tasks."""
