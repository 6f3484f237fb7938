"""The jobs of one session: the table, its index, queries."""
