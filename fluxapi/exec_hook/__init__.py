"""The hook ``--exec``: a command of the site for each event that passes a filter."""
