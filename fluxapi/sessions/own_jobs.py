"""The jobs that belong to the sender of a request."""

from __future__ import annotations

from collections.abc import Callable

from fluxapi.model.usernames import username
from fluxapi.security.principal import Principal

__all__ = ["owner_test"]


def owner_test(principal: Principal, owner: int) -> Callable[[int], bool]:
    """Return a test of user IDs: whether the jobs of a user are those of the sender.

    Jobs that are submitted through the service run as the *owner* of the instance, so they belong
    to every sender that may submit; other senders have the jobs of the account of their name.
    """
    may_submit = principal.may("submit")

    def owns(userid: int) -> bool:
        return (may_submit and userid == owner) or username(userid) == principal.user

    return owns
