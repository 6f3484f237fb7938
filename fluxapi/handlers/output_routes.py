"""The routes of the output of jobs, and of the files that receive it."""

from __future__ import annotations

from fluxapi import errors
from fluxapi.contracts.route import Route

from . import files, output, output_lines

__all__ = ["OUTPUTS"]

_LOOKUP = (errors.JobNotFound, errors.InstanceUnavailable)

OUTPUTS: tuple[Route, ...] = (
    Route(
        "GET", "/jobs/{id}/output", output.output, "getOutput", "jobs",
        "Get the output of the job so far: as lines; as text, whose end says how many bytes are "
        "not UTF-8; as bytes; or as entries (RFC 24).",
        {200: "output"}, query="output-query",
        fails=(*_LOOKUP, errors.NotAcceptable, errors.TooManyStreams),
        other=("text/plain", "application/x-ndjson", "application/octet-stream"),
        tells={
            output.SEARCHED_HEADER: "Bytes of the end of the output that were searched for the "
            "lines of a tail, if that was not enough to find all of them.",
        }, right="view",
    ),
    Route(
        "GET", "/jobs/{id}/output/stream", output.follow, "followOutput", "jobs",
        "Follow the output of a job, from its beginning to its end.",
        {}, query="output-stream-query",
        fails=(*_LOOKUP, errors.NotAcceptable, errors.TooManyStreams), stream=True,
        other=output.STREAM_OFFERS,
        headers={"Last-Event-ID": "Index of the last entry received; overrides the query."},
        tells={
            output.LIMIT_HEADER: "Bytes of the end of the output that are searched for a tail; "
            "there may be more lines before. Messages report how much was searched.",
        }, right="view",
    ),
    Route(
        "GET", "/jobs/{id}/output/lines", output_lines.lines, "getOutputLines", "jobs",
        "Get lines of the output by their numbers: one item per line, as they are read.",
        {}, query="output-lines-query",
        fails=(*_LOOKUP, errors.NotFound, errors.NotAcceptable, errors.TooManyStreams),
        other=output_lines.OFFERS, items="output-item", right="view",
    ),
    Route(
        "GET", "/jobs/{id}/output/search", output_lines.search, "searchOutput", "jobs",
        "Search the whole output for a text or for errors: one item per match, as they "
        "are found.",
        {}, query="output-search-query",
        fails=(*_LOOKUP, errors.NotFound, errors.NotAcceptable, errors.TooManyStreams),
        other=output_lines.OFFERS, items="output-item", right="view",
    ),
    Route(
        "GET", "/jobs/{id}/files/{stream}", files.download, "downloadOutput", "jobs",
        "Download the file that receives stdout or stderr of a job, or a range of it.",
        {}, query="file-query", parameters={"stream": ("stdout or stderr.", "stdout")},
        fails=(
            *_LOOKUP, errors.NotFound, errors.OutputUnreadable, errors.RangeNotSatisfiable,
            errors.TooManyStreams,
        ),
        other=("application/octet-stream",),
        headers={
            "Range": "One range of bytes; the status is then 206.",
            "If-Range": "An ETag: the range counts only if the file has not changed since.",
            "If-None-Match": "ETags: if the file has not changed since, the status is 304.",
        },
        tells={
            files.PATH_HEADER: "The path of the file, percent-encoded.",
            files.HOST_HEADER: "The node that writes it.",
            files.READ_HEADER: "The way it was read: local, shared or node; see getOutput.",
            "Content-Range": "The range of the bytes, if the status is 206.",
            "ETag": "Changes with the file.",
            "Last-Modified": "The time of the last write.",
            "Content-Disposition": "The name of the file.",
        }, right="submit",
    ),
)  # fmt: skip
