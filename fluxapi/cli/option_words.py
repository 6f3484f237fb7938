"""Errors of a request in the words of the command line: options instead of fields."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .exit_codes import Failure, failure_of
from .submit_body import OPTIONS
from .text import safe

if TYPE_CHECKING:
    from fluxapi.client import ClientError

__all__ = ["field_error", "in_options", "is_other_request", "submission_failure"]

_WORD = re.compile("|".join(rf"\b{name}\b" for name in OPTIONS if "_" in name))
"""Names of fields that are no other word."""


def in_options(error: ClientError) -> str:
    """Return what an error says, with the options for the fields that they set."""
    from fluxapi.client import Invalid  # noqa: PLC0415 - already imported by the caller

    if not isinstance(error, Invalid) or not error.errors:
        return str(error)
    if not all(_path(field)[0] in OPTIONS for field in error.errors):
        return str(error)
    return safe(" ".join(map(_sentence, error.errors)))


def field_error(pointer: str, detail: str) -> str:
    """Return one error of a field, with the option that sets it."""
    error = {"pointer": pointer, "detail": detail}
    return safe(_sentence(error) if _path(error)[0] in OPTIONS else f"{pointer} {detail}")


def is_other_request(error: BaseException) -> bool:
    """Return whether the service rejects the Idempotency-Key, which was used for other jobs."""
    from fluxapi.client import ProblemError  # noqa: PLC0415 - already imported by the caller

    return isinstance(error, ProblemError) and error.type.endswith("#idempotency-key-reused")


def submission_failure(error: ClientError) -> Failure:
    """Return the failure for an error of a submission."""
    sentence = in_options(error)
    if (key := error.idempotency_key) is not None:
        option = safe(f"--idempotency-key={shlex.quote(key)}")
        sentence = sentence.replace(f"idempotency_key={key!r}", option)
    return Failure(sentence, failure_of(error).status)


def _path(error: Mapping[str, str]) -> list[str]:
    return error["pointer"].lstrip("/").split("/")


def _sentence(error: Mapping[str, str]) -> str:
    field, *path = _path(error)
    # Text in quotes is what the user gave.
    parts = error["detail"].split('"')
    parts[::2] = [_WORD.sub(lambda word: OPTIONS[word[0]], part) for part in parts[::2]]
    detail = '"'.join(parts)
    where = " ".join([OPTIONS[field], *(name for name in path if not name.isdigit())])
    return f"{where}: {detail}"
