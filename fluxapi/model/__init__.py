"""Flux's vocabulary as pure code: no sockets, no aiohttp, no flux import."""
