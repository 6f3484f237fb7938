"""Flux's data types as pure code: no sockets, no aiohttp, no flux import."""
