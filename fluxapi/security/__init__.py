"""Authentication, the Host and Origin policy, and the handling of secrets."""
