"""The documents: their snippets run, their links lead somewhere, the server shows them."""
