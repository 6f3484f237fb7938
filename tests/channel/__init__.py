"""The event channel from end to end: real processes, real sockets, a real Flux if there is one."""
