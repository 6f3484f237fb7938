"""The block that the service prints once it is ready: the instance, authentication, the address.

Programs may parse the last line: ``fluxapi VERSION answers at URL``. Other addresses come before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from fluxapi import __version__
from fluxapi.instance.protocol import InstanceInfo
from fluxapi.model.usernames import username
from fluxapi.settings import Settings, is_loopback

__all__ = ["text"]


def text(
    settings: Settings,
    info: InstanceInfo,
    assets: Mapping[str, object],
    urls: Sequence[str],
    code: str = "",
    *,
    history: Path | None = None,
) -> str:
    """Return the block; its only secret is the one-time *code*, which a person reads.

    It is in the fragment of an address, which a browser does not send.
    """
    owner = username(info.owner)
    is_past = info.kind == "archive"
    root = " (its jobs can read the secrets of the service)" if not (info.owner or is_past) else ""
    block = [
        f"Instance: {_instance(settings, info)}, owner {owner}{root}"
        + (f". {info.notice}" if is_past else ""),
        f"Authentication: {_authentication(settings, owner, urls, is_past=is_past)}",
        f"History: {_history(info, history)}",
    ]
    if not assets:
        block.append("Dashboard: not built, so its pages are bare; make builds it")
    block += [f"Another address: {url}" for url in urls[1:]]
    page = next((url for url in urls if not url.startswith("unix:")), None)
    if code and page is not None:
        block.append(f"Log in, once, within 10 minutes: {page}/ui/login#code={code}")
    block.append(f"fluxapi {__version__} answers at {urls[0]}")
    return "\n".join(block)


def _instance(settings: Settings, info: InstanceInfo) -> str:
    if info.kind == "embedded":
        why = " as FLUX_URI names no Flux broker" if settings.instance == "auto" else ""
        return f"embedded, jobs run on this machine{why}"
    if info.kind == "archive":
        # It may have been a Flux or an embedded instance.
        return f"version {info.version} at {info.hostname}, gone"
    brokers = "1 broker" if info.size == 1 else f"{info.size} brokers"
    return f"Flux {info.version} at {info.hostname}, {brokers}, FLUX_URI={info.uri}"


def _authentication(settings: Settings, owner: str, urls: Sequence[str], *, is_past: bool) -> str:
    if settings.require_auth:
        user, named = settings.user or owner, ""
        if settings.trusts_this_machine and not all(url.startswith("unix:") for url in urls):
            # Only on a machine without other users, such as a container, is this as it should be.
            named = f"; any user of this machine can name {user} in {settings.trust_user_header}"
        return f"required, as user {user}{named}"
    hosts = [urlsplit(url).hostname or "" for url in urls if not url.startswith("unix:")]
    if not all(is_loopback(host) for host in hosts):
        who = "anyone who can connect"
    elif hosts:
        who = "any user of this machine"
    elif settings.insecure:
        who = "anyone whom the permissions of the socket admit"
    else:
        who = f"only {owner}"
    power = "read the history" if is_past else f"run jobs as {owner}"
    unused = "; the token has no effect without --require-auth" if settings.token else ""
    return f"off, {who} can {power}{unused}"


def _history(info: InstanceInfo, folder: Path | None) -> str:
    """Return where the instance keeps its jobs, and where past ones are kept if elsewhere."""
    if info.kind == "archive":
        return f"read from {info.statedir}"
    if info.statedir is not None:
        return f"kept in {info.statedir}"
    if folder is not None:
        return f"past jobs are kept in {folder}"
    end = "the service" if info.kind == "embedded" else "the Flux instance"
    return f"none, jobs are lost when {end} ends"
