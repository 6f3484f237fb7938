"""HTTPS: the certificate that a client gets, and what a broken one costs."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from fluxapi.app import create_app
from fluxapi.errors import SettingsError
from fluxapi.http.listen import open_all
from fluxapi.http.server import Runner
from fluxapi.http.site import Site
from fluxapi.http.tls import Certificate
from fluxapi.settings import Address, Settings
from tests.certificates import make_certificate, needs_openssl
from tests.handlers.fake import FakeInstance

pytestmark = needs_openssl


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[tuple[str, Certificate]]:
    """Return the address of a service with HTTPS, and its certificate."""
    cert, key = make_certificate(tmp_path)
    settings = Settings(listen=(Address("127.0.0.1", 0),), tls_cert=cert, tls_key=key)
    certificate = Certificate(cert, key)
    app = create_app(settings, FakeInstance(), stop=lambda: None)
    runner = Runner(app, access_log=None, handle_signals=False)
    await runner.setup()
    (listener,) = open_all(settings, {})
    await Site(runner, listener.socket, certificate.context).start()
    yield listener.url, certificate
    await runner.cleanup()


async def name_seen(url: str, trusted: Path) -> str:
    """Return the name in the certificate of the service, if the client trusts it."""
    context = ssl.create_default_context(cafile=trusted)
    place = URL(url)
    reader, writer = await asyncio.open_connection(place.host, place.port, ssl=context)
    found = writer.get_extra_info("peercert")
    writer.write(b"GET /health HTTP/1.0\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.0 200")
    writer.close()
    await writer.wait_closed()
    return str(found["subject"][0][0][1])


async def test_a_service_with_a_certificate_speaks_https(
    site: tuple[str, Certificate], tmp_path: Path
) -> None:
    url, _ = site
    assert url.startswith("https://127.0.0.1:")
    assert await name_seen(url, tmp_path / "cert.pem") == "localhost"


async def test_new_connections_get_the_new_certificate(
    site: tuple[str, Certificate], tmp_path: Path
) -> None:
    url, certificate = site
    make_certificate(tmp_path, "renewed")
    with pytest.raises(ssl.SSLCertVerificationError):
        await name_seen(url, tmp_path / "cert.pem")
    certificate.reload()
    assert await name_seen(url, tmp_path / "cert.pem") == "renewed"


@pytest.mark.parametrize("broken", ["empty", "other-key", "missing", "encrypted"])
async def test_broken_files_keep_the_old_certificate(
    site: tuple[str, Certificate], tmp_path: Path, broken: str
) -> None:
    url, certificate = site
    trusted = tmp_path / "trusted.pem"
    shutil.copy(tmp_path / "cert.pem", trusted)
    if broken == "empty":
        (tmp_path / "cert.pem").write_text("", encoding="utf-8")
    elif broken == "missing":
        (tmp_path / "key.pem").unlink()
    elif broken == "other-key":
        other = tmp_path / "other"
        other.mkdir()
        shutil.copy(make_certificate(other)[1], tmp_path / "key.pem")
    else:
        key = str(tmp_path / "key.pem")
        command = [
            "openssl",
            "pkey",
            "-in",
            key,
            "-aes256",
            "-passout",
            "pass:xxxx",
            "-out",
            f"{key}.new",
        ]
        await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
        shutil.move(f"{key}.new", key)
    with pytest.raises(SettingsError, match="--tls-key") as caught:
        certificate.reload()
    assert "unknown" not in caught.value.detail
    assert ("openssl pkey" in caught.value.detail) == (broken != "missing")
    assert await name_seen(url, trusted) == "localhost"
    with pytest.raises(SettingsError, match="--tls-cert"):
        Certificate(tmp_path / "cert.pem", tmp_path / "key.pem")


async def test_plain_http_on_its_port_is_no_error_of_the_service(
    site: tuple[str, Certificate], tmp_path: Path
) -> None:
    url, _ = site
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            await session.get(url.replace("https", "http"))
    assert await name_seen(url, tmp_path / "cert.pem") == "localhost"
