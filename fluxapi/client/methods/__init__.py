"""The methods of the client, grouped by resource; ``AsyncClient`` inherits them all."""
