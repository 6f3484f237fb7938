"""Tokens by the client: issued, listed, used and revoked."""

from __future__ import annotations

import time

import pytest

from fluxapi.client import AsyncClient, Client, ClientError, Conflict, NotFound, Unauthorized
from tests.handlers.fake import FakeInstance

from .conftest import Serve

USER, TOKEN = "alice", "correct-horse"


@pytest.fixture
async def guarded(serve: Serve, instance: FakeInstance) -> str:
    """Run a service that requires credentials."""
    return await serve(instance, require_auth=True, user=USER, token=TOKEN)


async def test_a_token_is_issued_listed_used_and_revoked(guarded: str) -> None:
    async with AsyncClient(guarded, user=USER, token=TOKEN) as flux:
        made = await flux.issue_token("laptop", scope="operate", expires_in=3600)
        assert made.secret not in repr(made)
        assert made.kept is False
        assert made.token.expires == pytest.approx(time.time() + 3600, abs=60)
        assert await flux.tokens() == [made.token]
        with pytest.raises(Conflict, match="laptop"):
            await flux.issue_token("laptop")
        for given in ({"access_token": made.secret}, {"user": "anybody", "token": made.secret}):
            async with AsyncClient(guarded, **given) as guest:  # type: ignore[arg-type] # texts all
                assert await guest.nodes()
                with pytest.raises(Unauthorized, match="needs the scope submit"):
                    await guest.submit("true")
        (used,) = await flux.tokens()
        assert used.last_used is not None
        assert (await flux.revoke_token(made.token.id)).name == "laptop"
        with pytest.raises(NotFound):
            await flux.revoke_token("laptop")
    async with AsyncClient(guarded, access_token=made.secret) as guest:
        with pytest.raises(ClientError, match="revoked"):
            await guest.nodes()


async def test_a_token_gets_an_access_token_with_its_scope(guarded: str) -> None:
    async with AsyncClient(guarded, user=USER, token=TOKEN) as flux:
        made = await flux.issue_token("ci", scope="view", expires_in=None)
        assert made.token.expires is None
    async with AsyncClient(guarded, user="ci", token=made.secret) as flux:
        access = await flux.create_token()
    async with AsyncClient(guarded, access_token=access.token) as flux:
        assert await flux.nodes()
        with pytest.raises(Unauthorized, match="needs the scope admin"):
            await flux.tokens()


def test_the_synchronous_client_has_the_same_methods() -> None:
    assert Client.issue_token.__doc__ == AsyncClient.issue_token.__doc__
