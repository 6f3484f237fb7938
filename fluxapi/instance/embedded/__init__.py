"""An asyncio process engine with Flux's states, events and ids, for machines without Flux."""

from .instance import EmbeddedInstance

__all__ = ["EmbeddedInstance"]
