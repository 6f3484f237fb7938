"""Signatures and docstrings name the options that calls take."""

from __future__ import annotations

import inspect

import pytest

from fluxapi.client import AsyncClient, Client
from fluxapi.client.options import (
    BatchOptions,
    EventFilter,
    ExportFilter,
    JobFilter,
    ListFilter,
    SubmitOptions,
)

METHODS = {
    "submit": SubmitOptions,
    "batch": BatchOptions,
    "jobs": ListFilter,
    "cancel_many": JobFilter,
    "export_jobs": ExportFilter,
    "events": EventFilter,
}


@pytest.mark.parametrize("client", [Client, AsyncClient])
@pytest.mark.parametrize("method", METHODS)
def test_each_option_is_a_parameter(client: type, method: str) -> None:
    parameters = inspect.signature(getattr(client, method)).parameters
    assert METHODS[method].__annotations__.keys() <= parameters.keys()
    kinds = {parameter.kind for parameter in parameters.values()}
    assert inspect.Parameter.VAR_KEYWORD not in kinds
    assert str(parameters.get("num_tasks", "")) in {"", "num_tasks: 'int | None' = None"}


def test_the_docstring_of_submit_tells_each_option() -> None:
    told = inspect.getdoc(Client.submit) or ""
    for name in inspect.signature(Client.submit).parameters:
        assert name == "self" or f"\n    {name}: " in told, name
