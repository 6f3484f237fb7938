"""An asyncio process engine with Flux's states, events and IDs, for machines without Flux."""

from .instance import EmbeddedInstance

__all__ = ["EmbeddedInstance"]
