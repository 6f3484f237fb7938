"""All webhooks of the service, found by what they want to know."""

from __future__ import annotations

from collections.abc import Iterator

from .lanes import MAX_PENDING, MAX_PENDING_BYTES, Hook
from .webhook import Kind

__all__ = ["MAX_ALL_PENDING", "MAX_ALL_PENDING_BYTES", "Hooks"]

MAX_ALL_PENDING = 100_000
MAX_ALL_PENDING_BYTES = 128 << 20
"""Deliveries of all webhooks that wait; each has its share, so that none takes that of others."""


class Hooks:
    """The webhooks by ID; those that are disabled want to know nothing."""

    def __init__(self) -> None:
        self._hooks: dict[str, Hook] = {}
        self._of_kind: dict[Kind, list[Hook]] = {}
        self._of_event: dict[str, list[Hook]] = {}
        self._of_any_event: list[Hook] = []
        self.enabled: list[Hook] = []

    def __len__(self) -> int:
        return len(self._hooks)

    def __iter__(self) -> Iterator[Hook]:
        return iter(list(self._hooks.values()))

    def get(self, name: str) -> Hook | None:
        """Return the webhook with this ID."""
        return self._hooks.get(name)

    def find(self, text: str) -> Hook | None:
        """Return the webhook with this ID or name."""
        found = self._hooks.get(text)
        if found is None:
            found = next((hook for hook in self if hook.webhook.name == text), None)
        return found

    def add(self, hook: Hook) -> None:
        """Add a webhook."""
        self._hooks[hook.id] = hook
        self.index()

    def remove(self, hook: Hook) -> None:
        """Remove a webhook."""
        self._hooks.pop(hook.id, None)
        self.index()

    def of_kind(self, kind: Kind) -> list[Hook]:
        """Return the enabled webhooks that want notices of a kind."""
        return self._of_kind.get(kind, [])

    def of_event(self, name: str) -> list[Hook]:
        """Return the enabled webhooks that may want an event with this name."""
        return self._of_event.get(name, self._of_any_event)

    @property
    def wants_jobs(self) -> bool:
        """Return whether any webhook wants events of jobs."""
        return bool(self._of_kind.get("job"))

    def index(self) -> None:
        """Sort the webhooks anew, after one was added, removed, enabled or disabled."""
        self.enabled = [hook for hook in self if hook.webhook.disabled is None]
        for hook in self:
            hook.max_pending = min(MAX_PENDING, MAX_ALL_PENDING // len(self))
            hook.max_pending_bytes = min(MAX_PENDING_BYTES, MAX_ALL_PENDING_BYTES // len(self))
        self._of_kind = {}
        for hook in self.enabled:
            for kind in hook.matcher.kinds:
                self._of_kind.setdefault(kind, []).append(hook)
        jobs = self._of_kind.get("job", [])
        self._of_any_event = [hook for hook in jobs if hook.matcher.events is None]
        names = {name for hook in jobs for name in hook.matcher.events or ()}
        self._of_event = {
            name: [
                hook for hook in jobs if hook.matcher.events is None or name in hook.matcher.events
            ]
            for name in names
        }
