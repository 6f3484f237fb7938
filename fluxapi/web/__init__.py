"""Pages: the dashboard and the documentation."""
