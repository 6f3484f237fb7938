"""A real Flux broker: the only package that imports flux.

``wire`` sends and receives messages, ``rpc`` owns the thread of pipelined calls, ``journal`` the
thread of the journal stream, ``refusal`` converts Flux's errors, and ``instance`` implements the
protocol with them.
"""

from .instance import BrokerInstance

__all__ = ["BrokerInstance"]
