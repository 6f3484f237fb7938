"""The webhooks of a service: create, change, test and remove them, and keep them at work."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from fluxapi.errors import Conflict, NotFound, NotStored, SettingsError, ValidationFailed
from fluxapi.model.message import field_error, problem, said_in
from fluxapi.notices.notice import test_notice
from fluxapi.process.background import BackgroundTask
from fluxapi.process.sender_check import check_sender
from fluxapi.process.timeout import within
from fluxapi.sessions.session import InstanceSession

from .catch_up import CatchUp
from .condition_watch import ConditionWatch
from .declared import read_declared
from .dispatcher import Dispatcher
from .hooks import Hooks
from .lanes import Hook
from .outbox import Outbox
from .port import Changeset, DeliveryStore, Found
from .recall import TOLERANCE_S, Recall
from .sender import Outcome, Sender
from .signature import new_secret, read_secret
from .store import SqliteStore
from .targets import Targets
from .webhook import Webhook

__all__ = ["MAX_WEBHOOKS", "Webhooks"]

_log = logging.getLogger(__name__)

MAX_WEBHOOKS = 100
"""Webhooks of one service: each event is tested against the filters of all."""

_SAVE_INTERVAL_S = 10.0
_MAX_TESTS = 4
"""Tests at the same time."""

_CLOSE_TIMEOUT_S = 1.0


class Webhooks:
    """All webhooks of one service.

    Args:
        statedir: The directory that keeps them; ``None``: they end with the service.
        targets: The policy for targets.
        file: The settings file that declares further ones.
    """

    def __init__(self, statedir: Path | None, targets: Targets, file: Path | None = None) -> None:
        self.hooks = Hooks()
        self._file = file
        self._targets = targets
        self._store: DeliveryStore = SqliteStore(statedir)
        self._sender = Sender(targets)
        self._found: Found | None = None
        self._lock = asyncio.Lock()
        self._tests = asyncio.Semaphore(_MAX_TESTS)
        self.outbox = Outbox(self.hooks, self._store, self._take_stored)
        self.dispatcher = Dispatcher(
            self.hooks, self._store, self._sender, self.outbox, lambda _: self.hooks.index()
        )
        self._tasks: list[BackgroundTask] = [
            self.outbox,
            self.dispatcher,
            _Keeper(self.hooks, self._store, self.outbox),
        ]

    @property
    def is_kept(self) -> bool:
        """Return whether webhooks and what they wait for outlive the service."""
        return self._store.is_kept

    async def open(self) -> None:
        """Read the webhooks; raise ``SettingsError`` if that is impossible."""
        declared = [] if self._file is None else await asyncio.to_thread(read_declared, self._file)
        found = self._found = await self._store.open()
        try:
            await self._begin(found, declared)
        except BaseException:
            await self._store.close()
            raise

    async def _begin(self, found: Found, declared: Sequence[Mapping[str, Any]]) -> None:
        for webhook in found.webhooks:
            if _is_sound(webhook):
                self.hooks.add(Hook(webhook, found.states.get(webhook.id)))
        self.dispatcher.take(found.pending)
        await self._declare(declared)
        for task in self._tasks:
            task.start()

    async def _declare(self, declared: Sequence[Mapping[str, Any]]) -> None:
        """Make the webhooks of the settings file those that it declares now."""
        if len(declared) > MAX_WEBHOOKS:
            raise SettingsError(
                f"--webhooks-file {self._file}: it has more than {MAX_WEBHOOKS} webhooks."
            )
        wanted = {
            sha256(f"file {fields['name']}".encode()).hexdigest()[:10]: fields
            for fields in declared
        }
        made = [self._declared(name, fields) for name, fields in wanted.items()]
        gone = [it for it in self.hooks if it.webhook.origin == "file" and it.id not in wanted]
        for hook in gone:
            self.hooks.remove(hook)
        for hook in made:
            self.hooks.add(hook)
        self.outbox.wake()
        try:
            for hook in gone:
                await self._store.remove(hook.id)
            if made:
                await self.outbox.flush()
        except NotStored as error:
            # The outbox tries again, and the next start to remove what is gone.
            _log.error("webhooks are not stored: %s", error.detail)

    def _declared(self, name: str, fields: Mapping[str, Any]) -> Hook:
        """Return a webhook of the settings file; it keeps what waits, its counts and its time."""
        try:
            webhook = self._made(name, fields, "file")
        except ValidationFailed as error:
            first = error.members["errors"][0]
            raise SettingsError(
                f"--webhooks-file {self._file}: webhook {fields['name']}: "
                f"{first['pointer']} {first['detail']}"
            ) from None
        known = self.hooks.get(name)
        if known is None:
            hook = Hook(webhook)
        else:
            old = known.webhook
            old.name, old.url, old.secrets = webhook.name, webhook.url, webhook.secrets
            old.kinds, old.filter = webhook.kinds, webhook.filter
            hook = Hook(old, known.states)
            for item in known.take_all():
                hook.add(item)
        hook.is_changed = True
        return hook

    @contextlib.asynccontextmanager
    async def attached(self, session: InstanceSession) -> AsyncIterator[None]:
        """Follow the journal of *session*, from where an earlier service has left off."""
        found, self._found = self._found, None
        instance = session.identity
        recall = None
        if found is not None and found.instance == instance:
            recall = Recall(instance, found.cursor or 0.0, found.taken, self.hooks)
        elif found is not None:
            for hook in self.hooks:
                hook.states.clear()
        self.outbox.attach(session.table, instance, recall)
        try:
            await self.outbox.begin()
        except NotStored as error:
            # The outbox tries again; the service does not depend on it.
            _log.error("webhooks are not stored: %s", error.detail)
        session.journal.observers.append(self.outbox.observe)
        tasks: list[BackgroundTask] = [
            CatchUp(self.hooks, self.outbox, session.instance, session.table),
            ConditionWatch(self.hooks, self.outbox, session),
        ]
        for task in tasks:
            task.start()
        try:
            yield
        finally:
            session.journal.observers.remove(self.outbox.observe)
            for task in tasks:
                await task.aclose()

    async def close(self) -> None:
        """Stop sending, and store what is not stored yet."""
        for task in reversed(self._tasks):
            await task.aclose()
        await self._sender.close()
        with contextlib.suppress(NotStored, asyncio.TimeoutError):
            await within(_CLOSE_TIMEOUT_S, self.outbox.flush())
        await self._store.close()

    def get(self, text: str) -> Hook:
        """Return the webhook with this ID or name; raise ``NotFound``."""
        hook = self.hooks.find(text)
        if hook is None:
            raise NotFound(problem("no_webhook", name=text[:64]))
        return hook

    def record(self, hook: Hook, dead: int = 0) -> dict[str, Any]:
        """Return the record of a webhook in the API."""
        found = hook.webhook.record() | {"pending": hook.pending + hook.queued, "dead": dead}
        if hook.dirty:
            found["behind"] = len(hook.dirty)
        return found

    async def records(self) -> list[dict[str, Any]]:
        """Return the records of all webhooks, the newest first; none has a secret."""
        counts = await self._store.counts()
        hooks = sorted(self.hooks, key=lambda hook: hook.webhook.created, reverse=True)
        return [self.record(hook, counts.get(hook.id, 0)) for hook in hooks]

    async def shown(self, text: str) -> dict[str, Any]:
        """Return the record of the webhook with this ID or name; raise ``NotFound``."""
        hook = self.get(text)
        return self.record(hook, (await self._store.counts()).get(hook.id, 0))

    async def create(self, fields: Mapping[str, Any]) -> tuple[Hook, str]:
        """Create a webhook; return it with its secret.

        Raises:
            Conflict: Another webhook has its name, or there are too many.
            ValidationFailed: The URL is not allowed, or the filter or the secret is not valid.
            NotStored: It cannot be stored, so it does not exist.
        """
        async with self._lock:
            check_sender()
            if len(self.hooks) >= MAX_WEBHOOKS:
                raise Conflict(problem("too_many_webhooks", limit=MAX_WEBHOOKS))
            name = secrets.token_hex(5)
            webhook = self._made(name, fields, "api")
            if self.hooks.find(webhook.name) is not None:
                raise Conflict(problem("webhook_exists", name=webhook.name))
            hook = Hook(webhook)
            await self._save(name, webhook)
            self.hooks.add(hook)
            return hook, webhook.secrets[0]

    def _made(self, name: str, fields: Mapping[str, Any], origin: Any) -> Webhook:
        secret = fields.get("secret") or new_secret()
        _refuse("/url", self._targets.check_url, fields["url"])
        _refuse("/secret", read_secret, secret)
        webhook = Webhook(
            id=name,
            name=fields.get("name") or name,
            url=fields["url"],
            secrets=[secret],
            kinds=list(dict.fromkeys(fields.get("kinds") or ["job"])),
            filter=dict(fields.get("filter") or {}),
            origin=origin,
            created=time.time(),
        )
        try:
            Hook(webhook)
        except ValidationFailed as error:
            raise ValidationFailed(
                [
                    {**field, "pointer": f"/filter{field['pointer']}"}
                    for field in error.members["errors"]
                ]
            ) from None
        return webhook

    async def remove(self, text: str) -> Hook:
        """Remove a webhook with all that waits for it."""
        async with self._lock:
            check_sender()
            hook = self._changeable(text)
            await self._remove(hook)
            return hook

    async def _remove(self, hook: Hook) -> None:
        # First from memory, so that no later write stores it again.
        self.hooks.remove(hook)
        try:
            await self._store.remove(hook.id)
        except NotStored:
            self.hooks.add(hook)
            raise
        hook.take_all()

    async def rotate(self, text: str) -> tuple[Hook, str]:
        """Give a webhook a new secret; for a day, the old one signs, too."""
        async with self._lock:
            check_sender()
            hook = self._changeable(text)
            webhook = hook.webhook
            before = webhook.secrets, webhook.rotated
            secret = new_secret()
            webhook.secrets, webhook.rotated = [secret, webhook.secrets[0]], time.time()
            try:
                await self._save(hook.id, webhook)
            except NotStored:
                webhook.secrets, webhook.rotated = before
                raise
            return hook, secret

    async def enable(self, text: str) -> Hook:
        """Send to a webhook again that was disabled; it gets the events from now on."""
        async with self._lock:
            check_sender()
            hook = self.get(text)
            await self._save(hook.id, msgspec.structs.replace(hook.webhook, disabled=None))
            hook.webhook.disabled = None
            hook.failures, hook.resume_at = 0, 0.0
            self.hooks.index()
            self.dispatcher.wake()
            return hook

    async def test(self, text: str) -> Outcome:
        """Send a test to a webhook now, once, and return what became of it."""
        hook = self.get(text)
        notice = test_notice(self.outbox.instance, secrets.token_hex(8), time.time())
        async with self._tests:
            check_sender()
            webhook = hook.webhook
            return await self._sender.send(webhook.url, webhook.keys(), notice.id, notice.encode())

    async def dead(self, text: str, limit: int, before: int | None) -> Sequence[Mapping[str, Any]]:
        """Return dead letters of a webhook, the newest first."""
        return await self._store.dead(self.get(text).id, limit, before)

    async def retry(self, text: str, seqs: Sequence[int] | None) -> int:
        """Send dead letters again: these, or all; return how many."""
        async with self._lock:
            check_sender()
            hook = self.get(text)
            if hook.webhook.disabled is not None:
                raise Conflict(problem("webhook_disabled", name=hook.webhook.name, id=hook.id))
            room = max(hook.max_pending - hook.pending - hook.queued, 0)
            revived = await self._store.revive(hook.id, seqs, room)
            self.dispatcher.take(list(revived))
            hook.resume_at = 0.0
            return len(revived)

    def _changeable(self, text: str) -> Hook:
        hook = self.get(text)
        if hook.webhook.origin == "file":
            raise Conflict(problem("webhook_declared", name=hook.webhook.name))
        return hook

    async def _save(self, name: str, webhook: Webhook) -> None:
        await self.outbox.begin()
        await self._store.commit(Changeset(webhooks={name: webhook}))

    def _take_stored(self, added: Any) -> None:
        self.dispatcher.take(added)


def _refuse(pointer: str, check: Callable[[str], object], value: str) -> None:
    """Raise ``ValidationFailed`` if *check* raises ``ValueError``."""
    try:
        check(value)
    except ValueError as error:
        raise ValidationFailed([field_error(pointer, said_in(error))]) from None


def _is_sound(webhook: Webhook) -> bool:
    """Return whether a stored webhook, which a job may have changed, can be used."""
    try:
        Hook(webhook)
        webhook.keys()
    except (ValueError, KeyError, TypeError, AttributeError, ValidationFailed):
        _log.error("the webhook %s is damaged and is not used", webhook.id)
        return False
    return True


class _Keeper(BackgroundTask):
    """The task that stores the cursor at intervals, and drops marks that it has passed."""

    def __init__(self, hooks: Hooks, store: DeliveryStore, outbox: Outbox) -> None:
        super().__init__("webhook cursor")
        self._hooks = hooks
        self._store = store
        self._outbox = outbox

    async def run(self) -> None:
        """Store the cursor, and prune."""
        while True:
            await asyncio.sleep(_SAVE_INTERVAL_S)
            self._outbox.save_cursor()
            cursor = self._outbox.stored_cursor
            if cursor:
                before = {
                    hook.id: min(hook.webhook.behind or cursor, cursor) - TOLERANCE_S
                    for hook in self._hooks
                }
                with contextlib.suppress(NotStored):
                    await self._store.prune(before)
