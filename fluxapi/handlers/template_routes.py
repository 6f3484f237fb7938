"""The routes of templates."""

from __future__ import annotations

from fluxapi import errors
from fluxapi.contracts.route import MAX_LISTS_BYTES, Route

from . import templates

__all__ = ["TEMPLATES"]

_KEPT = (errors.NotStored, errors.NotSupported)
_SAVED = {"Location": "Reference to the template, relative to the path of the request."}

TEMPLATES: tuple[Route, ...] = (
    Route(
        "GET", "/templates", templates.list_templates, "listTemplates", "templates",
        "List the job templates, without their requests.", {200: "template-list"},
        scope="service", right="submit",
    ),
    Route(
        "GET", "/templates/{template}", templates.record, "getTemplate", "templates",
        "Get one template: the request for its jobs.", {200: "template"},
        parameters={"template": ("Name of the template.", "train")},
        fails=(errors.NotFound, *_KEPT), scope="service", right="submit",
    ),
    Route(
        "PUT", "/templates/{template}", templates.save, "saveTemplate", "templates",
        "Save the request for one or many jobs under a name; replace the template of this name.",
        {200: "template-entry", 201: "template-entry"}, body="new-template", body_use="required",
        max_body=MAX_LISTS_BYTES, fails=(errors.Conflict, *_KEPT), tells=_SAVED,
        scope="service", right="submit",
    ),
    Route(
        "DELETE", "/templates/{template}", templates.delete, "deleteTemplate", "templates",
        "Delete a template.", {200: "template-entry"},
        fails=(errors.NotFound, *_KEPT), scope="service", right="submit",
    ),
)  # fmt: skip
