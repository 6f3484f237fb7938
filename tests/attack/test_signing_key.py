"""Access tokens that are made without the user's token, or outlive it."""

from __future__ import annotations

import hashlib
import time

import jwt
import pytest

from fluxapi.errors import Unauthorized
from fluxapi.security.credentials import Credentials
from fluxapi.settings import Settings

SECRET = "a secret that is long enough for it"


def credentials(token: str, secret: str | None = SECRET) -> Credentials:
    return Credentials(Settings(user="alice", token=token, require_auth=True, secret_key=secret))


def forged(key: bytes | str) -> str:
    now = int(time.time())
    claims = {"iss": "fluxapi", "aud": "fluxapi", "sub": "alice", "iat": now, "exp": now + 600}
    return jwt.encode(claims, key, "HS256")


@pytest.mark.parametrize(
    "key",
    [
        SECRET,
        hashlib.sha256(f"fluxapi access token\0{SECRET}".encode()).digest(),
        hashlib.sha256(SECRET.encode()).digest(),
    ],
    ids=["secret", "labeled", "hashed"],
)
def test_the_secret_and_the_name_make_no_access_token(key: bytes | str) -> None:
    with pytest.raises(Unauthorized):
        credentials("s3cret").check_access(forged(key))


def test_a_changed_token_ends_all_access_tokens() -> None:
    issued = credentials("old").issue()[0]
    assert credentials("old").check_access(issued).right == "admin"
    with pytest.raises(Unauthorized):
        credentials("new").check_access(issued)


def test_a_changed_secret_ends_all_access_tokens() -> None:
    issued = credentials("s3cret").issue()[0]
    with pytest.raises(Unauthorized):
        credentials("s3cret", "another secret that is long enough").check_access(issued)
