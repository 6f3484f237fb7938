"""Flux's errnos and sentences, and the error that each becomes."""

from __future__ import annotations

import errno

import pytest

from fluxapi.errors import (
    FluxRefused,
    Forbidden,
    InstanceUnavailable,
    JobInactive,
    JobNotFound,
    NotFound,
)
from fluxapi.instance.broker.refusal import error_for, lost, silent, submit_error


@pytest.mark.parametrize(
    ("number", "words", "expected"),
    [
        (errno.ENOENT, "unknown job id", JobNotFound),
        (errno.EINVAL, "unknown job", JobNotFound),
        (errno.ENOENT, "invalid job id", JobNotFound),
        (errno.ENOENT, "job is inactive", JobInactive),
        (errno.EINVAL, "job is inactive", JobInactive),
        (errno.ENOENT, "R: key not found", NotFound),
        (errno.EINVAL, "job is not running", FluxRefused),
        (errno.ENOMEM, "eventlog: error adding value to response", FluxRefused),
        (errno.EPROTO, "invalid exception severity", FluxRefused),
        (errno.EPERM, "guests may only send signals to their own jobs", Forbidden),
        (errno.EACCES, "", Forbidden),
        (errno.ENOSYS, "", InstanceUnavailable),
        (errno.EHOSTUNREACH, "", InstanceUnavailable),
        (errno.ECONNRESET, "", InstanceUnavailable),
    ],
)
def test_the_error_of_a_job(number: int, words: str, expected: type[Exception]) -> None:
    assert type(error_for(number, words.encode(), 1234)) is expected


def test_the_words_are_fluxs() -> None:
    error = error_for(errno.EINVAL, b"job is not running", 1)
    assert "job is not running" in error.detail
    assert error.members["flux"] == "job is not running"


def test_without_words_the_errno_speaks() -> None:
    assert "Invalid argument" in error_for(errno.EINVAL, b"").detail


def test_words_that_are_not_utf_8() -> None:
    assert "�" in error_for(errno.EINVAL, b"\xff").detail


def test_a_validator_that_says_eperm_forbids_nothing() -> None:
    assert type(submit_error(errno.EPERM, b"Missing key (tasks)")) is FluxRefused


def test_a_submission_may_fail_with_another_one_without_a_reason() -> None:
    error = submit_error(errno.EINVAL, b"")
    assert type(error) is InstanceUnavailable


def test_a_submission_whose_validator_was_ended_by_another_can_be_repeated() -> None:
    words = b"Unrecoverable error: worker unexpectedly exited"
    assert type(submit_error(errno.EPROTO, words)) is InstanceUnavailable


def test_a_submission_that_is_forbidden() -> None:
    assert type(submit_error(errno.EPERM, b"")) is Forbidden


@pytest.mark.parametrize("error", [lost("gone"), silent(1)])
def test_a_lost_broker_says_when_to_come_back(error: InstanceUnavailable) -> None:
    assert error.status == 503
    assert error.headers["Retry-After"].isdigit()
