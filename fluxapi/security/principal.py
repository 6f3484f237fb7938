"""The sender of a request: a user, the right that the credentials give, and when they end."""

from __future__ import annotations

from dataclasses import dataclass

from fluxapi.contracts.rights import Right, includes
from fluxapi.errors import Forbidden
from fluxapi.model.message import problem

__all__ = ["ANYBODY", "STRANGER", "Principal"]


@dataclass(frozen=True)
class Principal:
    """An authenticated sender, or anybody while authentication is off.

    Attributes:
        user: The name of the user, empty if there is none.
        right: The right that the credentials give; ``None`` is no right at all.
        expires: When the credentials end, in seconds since the epoch; ``None``: never.
        grants: The tokens and sign-ins that the credentials depend on; whoever revokes one of them
            revokes the credentials.
        limit: When tokens that this principal creates must have ended; ``None``: no limit.
        token: The name of the token, empty for other credentials.
        client: The name by which the limits count a user whom a proxy names; empty for all others,
            who count by their grants and their address.
    """

    user: str
    right: Right | None
    expires: float | None = None
    grants: frozenset[str] = frozenset()
    limit: float | None = None
    token: str = ""
    client: str = ""

    def may(self, needed: Right) -> bool:
        """Return whether the right includes *needed*."""
        return includes(self.right, needed)

    def has_more_than(self, other: Principal) -> bool:
        """Return whether the right includes that of *other*, and more."""
        return other.right != self.right and (other.right is None or self.may(other.right))

    def require(self, needed: Right) -> None:
        """Raise ``Forbidden`` unless the right includes *needed*."""
        if not self.may(needed):
            raise Forbidden(
                problem("needs_scope", needed=needed, held=str(self.right)),
                needed=needed,
                held=self.right,
            )


ANYBODY = Principal("", "admin")
"""The sender of every request while authentication is off."""

STRANGER = Principal("", None)
"""The sender of a request to a route that asks for no credentials."""
