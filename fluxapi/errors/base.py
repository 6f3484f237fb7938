"""The base of all errors, and that of the settings."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Protocol

from fluxapi.process.text import encodable

__all__ = ["Coded", "FluxapiError", "SettingsError"]


class Coded(Protocol):
    """A sentence with a code, as ``fluxapi.model.message`` has them."""

    @property
    def code(self) -> str:
        """Return the name of the sentence, which is stable."""

    @property
    def params(self) -> Mapping[str, Any]:
        """Return the values in it."""

    def text(self) -> str:
        """Return it in English."""


class FluxapiError(Exception):
    """The base class: an error with an HTTP status and a sentence for the user.

    ``detail`` says what is wrong and what to do; ``members`` are RFC 9457 extension members of the
    problem document; ``headers`` are added to the response. A detail with a code is said by pages
    in their language.
    """

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    slug: ClassVar[str] = "internal-error"
    tells: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Response headers of this error, with their descriptions."""

    def __init__(
        self, detail: str | Coded, *, headers: dict[str, str] | None = None, **members: Any
    ) -> None:
        text = detail if isinstance(detail, str) else detail.text()
        super().__init__(text)
        self.detail: str = encodable(text)
        self.coded = None if isinstance(detail, str) else detail
        self.headers = headers or {}
        self.members: dict[str, Any] = encodable(members)

    @property
    def type(self) -> str:
        """The problem type: a reference into the documentation."""
        return f"/docs/errors#{self.slug}"

    def problem(self, base: str = "") -> dict[str, Any]:
        """Return the RFC 9457 document, with ``Message`` and ``Errors`` for flux-restful-api.

        *base* is the prefix below which the client sees the service.
        """
        document: dict[str, Any] = {
            "type": base + self.type,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "Message": self.detail,
        }
        if self.coded is not None:
            document["code"] = self.coded.code
            document["params"] = encodable(dict(self.coded.params))
        if "Retry-After" in self.headers:
            document["retry_after"] = int(self.headers["Retry-After"])
        document.update(self.members)
        fields = self.members.get("errors")
        if fields:
            document["Errors"] = [
                f"{field['pointer']}: {field['detail']}"
                if field.get("pointer")
                else field["detail"]
                for field in fields
            ]
        return document


class SettingsError(FluxapiError):
    """A setting is invalid; the service does not start."""

    title = "Bad setting"
    slug = "bad-setting"
