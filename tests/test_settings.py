from __future__ import annotations

import argparse
import dataclasses
import ipaddress
from pathlib import Path

import pytest

from fluxapi.errors import SettingsError
from fluxapi.settings import TABLE, Setting, Settings, add_arguments, exposed_files
from tools.make_settings import HEADER, TARGET, made

VALUES = {
    "listen": ("127.0.0.1:1", "127.0.0.1:2"),
    "frame_ancestors": ("https://a.example.org", "https://b.example.org"),
    "child_transports": ("ssh", "local"),
}
"""Two values of each list that takes no addresses."""


def parse(*flags: str, **environ: str) -> Settings:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return Settings.read(parser.parse_args(flags), environ)


def test_the_table_names_every_field_and_its_default() -> None:
    names = [field.name for field in dataclasses.fields(Settings)]
    assert [setting.name for setting in TABLE] == names, (
        "Settings needs a field for each setting of the table, in the same order"
    )
    defaults = parse()
    for name in names:
        assert getattr(defaults, name) == getattr(Settings(), name), (
            f"the default of {name} in Settings is not that of the table"
        )


def test_the_help_shows_every_flag_variable_and_default() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    text = " ".join(parser.format_help().split())
    for setting in TABLE:
        assert setting.flag in text
        assert f"[{setting.env}]" in text
        assert not setting.default or f"default {setting.default}" in text
    for word in ("--rpc-timeout SECONDS", "--max-jobs N", "--statedir PATH", "--token-file FILE"):
        assert word in text


def test_the_documentation_lists_the_same_table() -> None:
    page = TARGET.read_text(encoding="utf-8")
    assert page == made(page), "run make generate"
    assert page.count("\n| `--") == len(TABLE)


def test_the_generator_keeps_the_text_around_the_table() -> None:
    page = f"# Settings\n\n{HEADER}| `--old` | `OLD` |  | gone |\n\nMore.\n"
    assert made(page).startswith(f"# Settings\n\n{HEADER}| `--host` | `HOST` | `127.0.0.1` |")
    assert made(page).endswith(" |\n\nMore.\n")
    assert "--old" not in made(page)


def test_flag_beats_environment_beats_default() -> None:
    assert parse().port == 5000
    assert parse(PORT="6000").port == 6000
    assert parse("--port", "7000", PORT="6000").port == 7000


@pytest.mark.parametrize("setting", [it for it in TABLE if it.many], ids=lambda it: it.name)
def test_the_flag_of_a_list_may_be_given_again(setting: Setting) -> None:
    one, other = VALUES.get(setting.name, ("10.0.0.7", "10.0.0.8"))
    by_commas = parse(setting.flag, f"{one},{other}")
    assert parse(setting.flag, one, setting.flag, other) == by_commas
    assert len(getattr(by_commas, setting.name)) == 2


@pytest.mark.parametrize("word", ["true", "True", "1", "yes", "on"])
def test_words_for_yes(word: str) -> None:
    assert parse(FLUX_REQUIRE_AUTH=word, FLUX_USER="u", FLUX_TOKEN="t").require_auth


@pytest.mark.parametrize("word", ["false", "0", "no", "off", ""])
def test_words_for_no_mean_no(word: str) -> None:
    assert not parse(FLUX_REQUIRE_AUTH=word).require_auth


def test_flux_user_auth_is_the_other_name_of_require_auth() -> None:
    assert parse(FLUX_USER_AUTH="yes", FLUX_USER="u", FLUX_TOKEN="t").require_auth


def test_option_flags_as_deployments_write_them() -> None:
    assert parse(FLUX_OPTION_FLAGS="-ompi=spectrum -ocpu-affinity=off x=y").option_flags == {
        "mpi": "spectrum",
        "cpu-affinity": "off",
        "x": "y",
    }


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"PORT": "x"}, "PORT must be a port number"),
        ({"PORT": "70000"}, "PORT must be a port number"),
        ({"FLUX_REQUIRE_AUTH": "maybe"}, "FLUX_REQUIRE_AUTH must be true"),
        ({"FLUXAPI_INSTANCE": "slurm"}, "must be auto, flux, embedded or archive"),
        ({"FLUX_ACCESS_TOKEN_EXPIRES_MINUTES": "0"}, "a whole number above 0"),
        ({"FLUX_OPTION_FLAGS": "-ompi"}, "-oNAME=VALUE"),
        ({"FLUXAPI_RPC_TIMEOUT": "nan"}, "seconds above 0"),
        ({"FLUXAPI_RPC_TIMEOUT": "inf"}, "seconds above 0"),
        ({"FLUX_REQUIRE_AUTH": "1"}, "pass --user or set FLUX_USER, and pass --token-file or"),
        ({"FLUX_REQUIRE_AUTH": "1", "FLUX_USER": "u"}, ": pass --token-file or set FLUX_TOKEN"),
        ({"FLUX_REQUIRE_AUTH": "1", "FLUX_TOKEN": "t"}, ": pass --user or set FLUX_USER."),
        ({"FLUX_USER": "a:b"}, "colon"),
        ({"FLUXAPI_INSTANCE": "archive"}, "needs --statedir"),
        ({"FLUXAPI_BASE_PATH": "//evil.example"}, "a path such as /flux"),
        ({"FLUXAPI_BASE_PATH": "flux"}, "a path such as /flux"),
        ({"FLUXAPI_BASE_PATH": "/a/../b"}, "a path such as /flux"),
        ({"FLUXAPI_BASE_PATH": "/a\\b"}, "a path such as /flux"),
        ({"FLUXAPI_TRUST_FROM": "proxy.example"}, "addresses and networks"),
        ({"FLUXAPI_TRUST_FROM": "10.0.0.7/8"}, "addresses and networks"),
        ({"FLUXAPI_ALLOW_FRAME_ANCESTORS": "https://a.example; script-src *"}, "must be origins"),
        ({"FLUXAPI_ALLOW_FRAME_ANCESTORS": "'unsafe-inline'"}, "must be origins"),
        ({"HOST": "0.0.0.0"}, "without authentication, anybody could run jobs as you: pass --user"),
        ({"HOST": "::"}, "without auth"),
        ({"HOST": "example.org"}, "without auth"),
    ],
)
def test_a_bad_value_is_one_sentence(environ: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(**environ)
    assert words in caught.value.detail
    assert "\n" not in caught.value.detail


def test_a_prefix_may_end_with_a_slash() -> None:
    assert parse("--base-path", "/a/flux/").base_path == "/a/flux"
    assert parse("--base-path", "/").base_path == ""


def test_peers_are_addresses_networks_and_unix() -> None:
    assert parse("--trust-from", "10.0.0.7, fd00::/8,unix").trust_from == (
        ipaddress.ip_network("10.0.0.7/32"),
        ipaddress.ip_network("fd00::/8"),
        "unix",
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "[::1]", "localhost"])
def test_loopback_needs_no_auth(host: str) -> None:
    assert parse(HOST=host).host == host


def test_another_address_is_fine_with_auth_or_insistence() -> None:
    assert parse(HOST="0.0.0.0", FLUX_REQUIRE_AUTH="1", FLUX_USER="u", FLUX_TOKEN="t").require_auth
    assert parse("--insecure", HOST="0.0.0.0").insecure


def test_secrets_come_from_files_and_never_show(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("s3cret\n", encoding="utf-8")
    settings = parse("--token-file", str(file), FLUX_SECRET_KEY="k3y")
    assert settings.token == "s3cret"
    assert "s3cret" not in repr(settings)
    assert "k3y" not in repr(settings)


def test_a_secret_file_that_others_may_read_is_told(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    path = tmp_path / "token"
    path.touch(mode=0o600)
    arguments = parser.parse_args(["--token-file", str(path)])
    assert exposed_files(arguments) == []
    path.chmod(0o640)
    (sentence,) = exposed_files(arguments)
    assert f"{path} is readable by others (mode 0640)" in sentence


def test_a_certificate_is_refused_where_nothing_uses_it(tmp_path: Path) -> None:
    files = ("--tls-cert", str(tmp_path / "c.pem"), "--tls-key", str(tmp_path / "k.pem"))
    socket = ("--listen", f"unix:{tmp_path}/s")
    with pytest.raises(SettingsError, match="of no use on Unix sockets"):
        parse(*files, *socket)
    assert parse(*files, *socket, "--listen", "127.0.0.1:0").tls_cert


def test_a_byte_order_mark_is_no_part_of_a_secret(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("s3cret\n", encoding="utf-8-sig")
    assert parse("--token-file", str(file)).token == "s3cret"
    file.write_text("s3cret\n", encoding="utf-16")
    with pytest.raises(SettingsError, match="not UTF-8"):
        parse("--token-file", str(file))


def test_a_secret_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"--token-file .*No such file"):
        parse("--token-file", str(tmp_path / "none"))


def test_a_socket_that_everybody_may_use_trusts_no_header_for_users() -> None:
    flags = ["--listen", "unix:/run/x.sock", "--require-auth", "--trust-from", "unix"]
    flags += ["--trust-user-header", "X-Remote-User"]
    secrets = {"FLUX_USER": "alice", "FLUX_TOKEN": "s3cret"}
    with pytest.raises(SettingsError, match="every user of this machine could name you"):
        parse(*flags, "--socket-mode", "0666", **secrets)
    assert parse(*flags, "--socket-mode", "0660", **secrets).trust_user_header
