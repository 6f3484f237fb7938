"""The address and the credentials: precedence of their sources, and refusals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fluxapi.client import ConfigError, config_path, read_config
from fluxapi.client.config import DEFAULT_URL

Write = Callable[..., Path]


@pytest.fixture
def write(nowhere: Path) -> Write:
    """Return a function that writes the config file, readable by its owner only."""
    nowhere.mkdir()

    def _write(text: str, mode: int = 0o600) -> Path:
        path = nowhere / "config.toml"
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return path

    return _write


PROFILES = """
[default]
url = "http://one.example:5000/"
user = "alice"
token = "first"

[two]
url = "https://two.example/flux/v1"
user = "bob"
token = "second"
"""


def test_nothing_at_all() -> None:
    config = read_config()
    assert (config.url, config.user, config.token) == (DEFAULT_URL, None, None)


def test_profiles(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write(PROFILES)
    one, two = read_config(), read_config(profile="two")
    assert (one.url, one.user, one.token) == ("http://one.example:5000", "alice", "first")
    assert (two.url, two.user, two.token) == ("https://two.example/flux", "bob", "second")
    assert "first" not in repr(one)
    monkeypatch.setenv("FLUXAPI_PROFILE", "two")
    assert read_config() == two


def test_arguments_then_environment_then_file(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(PROFILES)
    monkeypatch.setenv("FLUX_USER", "carol")
    monkeypatch.setenv("FLUX_TOKEN", "third")
    assert (read_config().user, read_config().token) == ("carol", "third")
    given = read_config(user="dave", token="fourth")
    assert (given.user, given.token) == ("dave", "fourth")
    assert read_config(profile="two").token == "second"


def test_credentials_are_for_one_service(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write(PROFILES)
    assert read_config("http://other.example").token is None
    assert read_config("http://one.example:5001").token is None
    assert read_config("https://one.example:5000").token is None
    assert read_config("http://ONE.example:5000/elsewhere").token == "first"
    monkeypatch.setenv("FLUXAPI_URL", "http://third.example")
    assert read_config().token is None
    monkeypatch.setenv("FLUX_TOKEN", "third")
    assert read_config().token == "third"
    other = read_config("http://other.example")
    assert (other.token, other.belongs_to) == (None, "http://third.example")
    monkeypatch.delenv("FLUX_TOKEN")
    assert read_config("http://other.example").belongs_to == "http://one.example:5000"
    assert read_config("http://other.example", user="carol", token="x").belongs_to is None


def test_a_token_file(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = tmp_path / "token"
    token.touch(0o600)
    token.write_text("from-a-file\n")
    write(f'[default]\ntoken_file = "{token}"\n', 0o644)
    assert read_config().token == "from-a-file"
    monkeypatch.setenv("FLUXAPI_TOKEN_FILE", str(token))
    assert read_config("http://other.example").token == "from-a-file"
    token.chmod(0o640)
    with pytest.raises(ConfigError, match=f"chmod 600 {token}"):
        read_config()
    token.chmod(0o600)
    token.write_text("")
    with pytest.raises(ConfigError, match="must contain one line"):
        read_config()
    token.unlink()
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_config()


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_an_address_that_others_can_change(write: Write, mode: int) -> None:
    path = write('[default]\nurl = "http://one.example"\n', mode)
    with pytest.raises(ConfigError, match=f"chmod go-w {path}"):
        read_config()


def test_a_byte_order_mark_is_part_of_no_file(write: Write, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret\n", encoding="utf-8-sig")
    token.chmod(0o600)
    write(f'\ufeff[default]\nuser = "alice"\ntoken_file = "{token}"\n')
    config = read_config()
    assert (config.user, config.token) == ("alice", "secret")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_a_token_that_others_can_read(write: Write, mode: int) -> None:
    path = write(PROFILES, mode)
    with pytest.raises(ConfigError, match=f"chmod 600 {path}") as raised:
        read_config("http://other.example")
    assert "first" not in str(raised.value)


def test_without_a_token_others_may_read(write: Write) -> None:
    write('[default]\nurl = "http://one.example"\n', 0o644)
    assert read_config().url == "http://one.example"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[default", "is not valid TOML"),
        ('[default]\npassword = "x"', "unknown keys 'password'; known: ca_file, token, token_file"),
        ("[default]\nurl = 5", "url in the profile 'default' of .* must be text"),
        ("default = 5", "has no profile"),
        ('[default]\nurl = "ftp://x"', "must look like"),
    ],
)
def test_a_bad_file(write: Write, text: str, words: str) -> None:
    write(text)
    with pytest.raises(ConfigError, match=words):
        read_config()


def test_a_profile_that_is_not_there(write: Write) -> None:
    with pytest.raises(ConfigError, match="There is no profile 'two'"):
        read_config(profile="two")
    write('[default]\nurl = "http://one.example"\n')
    with pytest.raises(ConfigError, match="has no profile 'two'"):
        read_config(profile="two")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "http://",
        "http://x:y",
        "http://x:99999",
        "http://a..b",
        f"http://{'a' * 64}",
        "http://a\\b",
        "http://\udcff",
        "file:///etc",
        "http://x/?a=b",
        "http://x#y",
    ],
)
def test_bad_addresses(url: str) -> None:
    if not url:
        assert read_config(url).url == DEFAULT_URL
        return
    with pytest.raises(ConfigError, match="The address of the service"):
        read_config(url)


def test_no_credentials_in_addresses() -> None:
    with pytest.raises(ConfigError, match="contains credentials") as raised:
        read_config("http://alice:secret@x")
    assert "secret" not in str(raised.value)


def test_the_path_of_the_file() -> None:
    assert config_path({}) == Path("~/.config/fluxapi/config.toml").expanduser()
    assert config_path({"XDG_CONFIG_HOME": "/x"}) == Path("/x/fluxapi/config.toml")
    assert config_path({"FLUXAPI_CONFIG": "/y.toml", "XDG_CONFIG_HOME": "/x"}) == Path("/y.toml")
