"""A real Flux broker: the only package that imports flux.

``wire`` sends and receives messages, ``rpc`` owns the thread of pipelined calls, ``journal`` the
thread of the one journal stream, ``refusal`` turns Flux's errors into ours, and ``instance`` is the
protocol on top of them.
"""

from .instance import BrokerInstance

__all__ = ["BrokerInstance"]
