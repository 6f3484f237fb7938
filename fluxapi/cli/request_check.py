"""Check a request without a service, by the rules and in the words of the service."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from fluxapi.errors import ValidationFailed
from fluxapi.process import account

from .option_words import submission_failure

__all__ = ["check_request"]


def check_request(fields: Mapping[str, Any]) -> list[str]:
    """Return the warnings about the request of a job (``schemas/submit.json``).

    The settings of the service and the state of the instance are not known here, so the service
    may still refuse the request.

    Raises:
        Failure: The request is invalid, as the service would say.
    """
    from fluxapi.client.errors import Invalid  # noqa: PLC0415 - imported when needed
    from fluxapi.contracts import schema  # noqa: PLC0415 - as above
    from fluxapi.model import batch_script, jobspec  # noqa: PLC0415 - as above

    def find(given: Mapping[str, Any]) -> schema.Fields:
        return schema.find("submit", given)

    environment = {**account.environment(), "PATH": os.environ.get("PATH", os.defpath)}
    try:
        schema.check("submit", fields)
        whole, warnings = batch_script.with_directives(fields, environment, find)
        jobspec.build(whole, jobspec.Defaults(environment=environment))
    except ValidationFailed as error:
        found = error.members["errors"]
        invalid = Invalid(error.status, title=error.title, detail=str(error), errors=found)
        raise submission_failure(invalid) from None
    return [warning.text() for warning in warnings]
