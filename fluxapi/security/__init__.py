"""Who may ask, from where, and how secrets stay out of sight."""
