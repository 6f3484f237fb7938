"""Read a batch script: its directives as fields, the wrong ones, and warnings.

The service and the command line read scripts alike; the caller passes the check of the fields by
their schema, which this package does not know.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fluxapi.errors import ValidationFailed

from . import batch, batch_options, directives, script_hints
from .directives import Wrong
from .jobspec import canonical_names, with_constraints
from .message import FieldErrors, Message, field_error, field_message, sentence_of

__all__ = ["MAX_ERRORS", "Find", "Script", "read", "with_directives"]

MAX_ERRORS = 100
"""Wrong directives that are named."""

Find = Callable[[Mapping[str, Any]], FieldErrors]
"""A function that returns the fields that the schema refuses."""


@dataclass(frozen=True, slots=True)
class Script:
    """A mended script, its warnings, the fields of its directives, and the wrong ones."""

    text: str
    warnings: list[Message]
    found: batch_options.Fields
    wrong: list[Wrong]


def read(script: str, environment: Mapping[str, str], find: Find) -> Script:
    """Read the directives of a script.

    Args:
        script: Its text.
        environment: The variables that every job has.
        find: The check by the schema ``submit``.
    """
    text, warnings = directives.mend(script)
    warnings += script_hints.hints(text)
    parsed = directives.parse(text)
    found = batch_options.fields_of(parsed.directives, environment, time.time())
    wrong = [*parsed.wrong, *found.wrong, *_invalid(found, find)]
    return Script(text, warnings, found, sorted(wrong, key=lambda one: one.line))


def with_directives(
    fields: Mapping[str, Any], environment: Mapping[str, str], find: Find
) -> tuple[Mapping[str, Any], list[Message]]:
    """Return the fields of a job with those that the directives of its script give, and warnings.

    Args:
        fields: The request, valid by the schema ``submit``.
        environment: The variables that every job has.
        find: The check by the schema ``submit``.

    Raises:
        ValidationFailed: Directives are wrong; each is named with its line.
    """
    if fields.get("script") is None or fields.get("jobspec") is not None:
        return fields, []
    script = read(fields["script"], environment, find)
    given = {name: value for name, value in fields.items() if value is not None}
    unread: FieldErrors = []
    given = with_constraints(canonical_names(given), unread)
    whole = batch_options.merged(script.found.fields, given)
    whole["script"] = batch.wrapped(script.text, wrap=whole.get("wrap", False))
    unusable = batch.check_script(whole["script"])
    wrong = script.wrong[:MAX_ERRORS]
    if wrong or unread:
        wrong = wrong if unusable is None else [Wrong(1, unusable), *wrong]
        errors = [field_error("/script", one.sentence) for one in wrong]
        raise ValidationFailed([*errors, *unread])
    return whole, script.warnings


def _invalid(found: batch_options.Fields, find: Find) -> list[Wrong]:
    """Return the directives whose values break the schema of a request."""
    wrong = []
    for error in find(found.fields):
        place = error["pointer"].split("/")[1:]
        line = found.lines.get(place[0], 1) if place else 1
        why = sentence_of("fields", error)
        if place:
            why = field_message("of_field", name=".".join(place), why=why)
        wrong.append(Wrong(line, why))
    return wrong
