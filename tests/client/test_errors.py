"""Errors: what they say, and that they travel between processes."""

from __future__ import annotations

import pickle

import pytest

from fluxapi.client import errors
from fluxapi.client.errors import ClientError, EventsLost, Invalid, ProblemError, problem_of
from fluxapi.errors import JobNotFound

FIELDS = [
    {"pointer": "/num_tasks", "detail": "must be 1 or more."},
    {"pointer": "", "detail": "x."},
]


def classes(root: type[ClientError] = ClientError) -> list[type[ClientError]]:
    return [root, *(found for child in root.__subclasses__() for found in classes(child))]


def made(kind: type[ClientError]) -> ClientError:
    if issubclass(kind, ProblemError):
        return kind(422, "/docs/errors#x", "Title", "Detail.", FIELDS, "abc")
    return EventsLost("Too old.", "expired", "c1") if kind is EventsLost else kind("Words.")


@pytest.mark.parametrize("kind", classes())
def test_errors_can_be_pickled(kind: type[ClientError]) -> None:
    error = made(kind)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - its own
    assert type(again) is kind
    assert (str(again), vars(again), again.args) == (str(error), vars(error), error.args)


def test_all_of_them_are_told() -> None:
    names = {kind.__name__ for kind in classes()}
    assert names <= set(errors.__all__)
    assert all(name in (errors.__doc__ or "") for name in names)


def test_bad_fields_are_named() -> None:
    assert str(made(Invalid)) == "Detail. num_tasks: must be 1 or more. x."


@pytest.mark.parametrize(
    ("status", "document", "words"),
    [
        (404, {"detail": "There is no job f1."}, "There is no job f1."),
        (500, None, "The service answered 500 Internal Server Error."),
        (599, ["x"], "The service answered with status 599."),
        (422, {"detail": 5, "errors": ["x", {"pointer": 5}], "Message": "Older words."}, "status"),
    ],
)
def test_any_response_in_place_of_a_problem(status: int, document: object, words: str) -> None:
    error = problem_of(status, document)
    assert error.status == status
    assert words in str(error) or "422" in str(error)


def test_a_detail_has_a_code_and_its_values() -> None:
    document = {"detail": "There is no job f1.", "code": "no_job", "params": {"job": "f1"}}
    error = pickle.loads(pickle.dumps(problem_of(404, document)))  # noqa: S301 - it is ours
    assert (error.code, error.params) == ("no_job", {"job": "f1"})
    for odd in ({}, {"code": 1, "params": {}}, {"code": "x", "params": []}):
        plain = problem_of(404, odd)
        assert (plain.code, dict(plain.params)) == ("", {})


def test_an_invalid_field_has_its_code_and_values() -> None:
    told = {"pointer": "/x", "detail": "is required.", "code": "required", "params": {}}
    wrong = {"pointer": "/y", "detail": "No.", "code": 5, "params": {}}
    error = problem_of(422, {"detail": "2 fields are not valid.", "errors": [told, wrong]})
    assert error.errors == (told, {"pointer": "/y", "detail": "No."})


@pytest.mark.parametrize("prefix", ["", "/flux", "/node/c1.example.org/5000"])
def test_an_error_of_a_service_below_a_prefix_is_not_one_of_its_proxy(prefix: str) -> None:
    assert not problem_of(404, JobNotFound("There is no job f1.").problem(prefix)).is_of_proxy


@pytest.mark.parametrize("document", [None, {"type": "about:blank"}, {"type": "/docs/404"}])
def test_an_answer_that_no_service_gives_is_one_of_its_proxy(document: object) -> None:
    assert problem_of(404, document).is_of_proxy
