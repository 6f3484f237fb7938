"""``flux.Flux``: the handle of an instance, which stands for a service here."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

from fluxapi.client import Client

from .connect_timeout import connect_timeout
from .errors import as_os_errors, not_there
from .futures import Future

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Flux", "address_of"]

_SCHEMES = ("http://", "https://", "unix:")
_DRAIN_TOPIC = "job-manager.drain"


def address_of(url: str | bytes | None) -> str | None:
    """Return the address of a service, ``None`` for the configured one.

    Raises:
        OSError: *url* is the URI of a Flux broker.
    """
    text = os.fsdecode(url) if url else None
    if text is not None and not text.startswith(_SCHEMES):
        raise OSError(
            errno.EINVAL,
            f"{text} is the URI of a broker, but this flux connects to fluxapi: give the "
            "address of the service, such as http://127.0.0.1:5000",
        )
    return text


class Flux:
    """The handle of an instance behind a service.

    Args:
        url: The address of the service; the default is that of ``fluxapi.client``.
        flags: Not used.
    """

    def __init__(self, url: str | bytes | None = None, flags: int = 0) -> None:  # noqa: ARG002 - as in Flux
        with as_os_errors():
            self.client = Client(address_of(url), connect_timeout=connect_timeout())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self.client.close()

    def get_rank(self) -> int:
        """Return 0, the rank of the broker that a service serves."""
        return 0

    def attr_get(self, name: str) -> str:
        """Return an attribute of the broker; ``local-uri`` is the address of the service.

        Raises:
            OSError: The service does not know the attribute.
        """
        if name == "local-uri":
            return self.client.url
        if name == "rank":
            return "0"
        if name not in {"version", "size", "hostname", "hostlist"}:
            raise OSError(errno.ENOENT, f"the service does not know the attribute {name}")
        with as_os_errors():
            if name == "hostlist":
                return ",".join(self.client.nodes())
            return str(self.client.info()[name])

    def rpc(self, topic: str, payload: Any = None, nodeid: int = 0, flags: int = 0) -> Future[Any]:  # noqa: ARG002 - as in Flux
        """Answer ``job-manager.drain``, which waits until no job is active; others fail."""

        def answer() -> dict[str, Any]:
            if topic != _DRAIN_TOPIC:
                raise not_there(f"the RPC {topic}")
            while ids := [job.id for job in self.client.jobs(state="active")]:
                self.client.wait_all(ids)
            return {}

        return Future(answer)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(not_there(f"flux.Flux.{name}").strerror)
