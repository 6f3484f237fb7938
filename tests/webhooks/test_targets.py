"""Which targets webhooks may reach."""

from __future__ import annotations

import ipaddress

import pytest

from fluxapi.errors import SettingsError
from fluxapi.settings import Settings
from fluxapi.webhooks.targets import Targets, is_public, shown_url

NOTHING = Targets()


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.9.9.9", "169.254.169.254",
        "172.16.0.1", "192.168.1.1", "198.18.0.1", "224.0.0.1", "255.255.255.255",
        "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "2002:7f00:1::", "2001::1",
    ],
)  # fmt: skip
def test_an_address_that_is_not_public(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))
    assert NOTHING.refusal("h", ipaddress.ip_address(text)) is not None


@pytest.mark.parametrize(
    "text", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::101:101"]
)
def test_an_address_that_is_public(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))
    assert NOTHING.refusal("h", ipaddress.ip_address(text)) is None


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://hooks.example.org/", "https://"),
        ("ftp://hooks.example.org/", "https://"),
        ("file:///etc/passwd", "https://"),
        ("https://", "a host"),
        ("https://./", "a host"),
        ("https://hooks..example.org/", "a host"),
        (f"https://{'x' * 64}.example.org/", "a host"),
        (f"https://{'x.' * 127}org/", "a host"),
        ("//hooks.example.org", "https://"),
        ("https://me:secret@hooks.example.org/", "user or password"),
        ("https://hooks.example.org@127.0.0.1/", "user or password"),
        ("https://hooks.example.org/#x", "fragment"),
        ("https://hooks.example.org:0/", "port 0"),
        ("https://hooks.example.org:99999/", "is not a URL"),
        ("https://hooks.example.org\\@127.0.0.1/", "backslash"),
        ("https://hooks.example.org/a b", "ASCII without blanks"),
        ("https://hooks.example.org/\r\nHost: x", "ASCII without blanks"),
        ("https://ho\u043eks.example.org/", "ASCII without blanks"),
        ("https://hooks.example.org/" + "x" * 2048, "more than 2048"),
        ("https://127.0.0.1/", "not a public address"),
        ("https://[::1]/", "not a public address"),
        ("https://[::ffff:127.0.0.1]/", "not a public address"),
        ("https://[fe80::1%25eth0]/", "not a public address"),
        ("https://169.254.169.254/latest", "not a public address"),
        ("https://[/", "is not a URL"),
    ],
)
def test_a_url_that_is_refused(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        NOTHING.check_url(url)


def test_allowed_targets() -> None:
    targets = Targets(["10.1.0.0/16", "Hooks.Lab.example.", "::1"])
    for url in (
        "http://10.1.2.3:8080/x",
        "https://10.1.2.3/x",
        "http://hooks.lab.example/",
        "http://[::1]:1/",
        "http://any.example.org/",  # its addresses decide
    ):
        targets.check_url(url)
    for url in ("http://10.2.0.1/", "https://10.2.0.1/", "http://127.0.0.1/"):
        with pytest.raises(ValueError, match=r"https://|not a public address"):
            targets.check_url(url)
    address = ipaddress.ip_address
    assert targets.refusal("x", address("10.1.2.3"), is_encrypted=False) is None
    assert targets.refusal("x", address("::ffff:10.1.2.3"), is_encrypted=False) is None
    assert targets.refusal("hooks.lab.example.", address("192.168.0.1")) is None
    assert targets.refusal("hooks.lab.example.org", address("192.168.0.1")) is not None
    refused = targets.refusal("x", address("1.1.1.1"), is_encrypted=False)
    assert refused is not None
    assert "without encryption" in refused.text()


@pytest.mark.parametrize(
    "text",
    [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "64:ff9b::169.254.169.254",
        "fe80::1",
        "fd00:ec2::254",
        "fd20:ce::254",
        "100.100.100.200",
        "168.63.129.16",
    ],
)
def test_the_name_of_a_host_never_opens_metadata(text: str) -> None:
    address = ipaddress.ip_address(text)
    assert Targets(["hooks.lab.example"]).refusal("hooks.lab.example", address) is not None
    assert NOTHING.refusal("x", address) is not None
    assert Targets(["0.0.0.0/0", "::/0"]).refusal("x", address) is None


@pytest.mark.parametrize("text", ["a b", "10.0.0.0/99", "http://x", "*", "1.2", "-x.y", "x" * 300])
def test_a_bad_setting_is_told(text: str) -> None:
    with pytest.raises(SettingsError, match="must be hosts, addresses and networks"):
        Settings.read(environ={"FLUXAPI_WEBHOOK_ALLOW": f"ok.example.org,{text}"})


def test_a_url_is_shown_without_its_query() -> None:
    assert shown_url("https://h/a?token=x") == "https://h/a?…"
    assert shown_url("https://h/a") == "https://h/a"
