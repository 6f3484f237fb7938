"""From the journal to the wire: instance.journal → table → hub → subscribers."""
