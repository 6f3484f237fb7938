"""The configuration of a batch job's own instance, from the texts of ``--conf``."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from .message import NotReadable
from .options import merge, put, read_value, too_deep

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["joined", "levels", "update"]

MAX_CONF_LENGTH = 16_384
"""Characters of one text; tomllib takes quadratic time: about 50 ms for this length."""

_MAX_LEVELS = 32


def update(conf: dict[str, Any], text: str) -> None:
    """Merge one ``--conf`` into *conf*: ``key=value``, or TOML or JSON of several lines.

    Raises:
        ValueError: The text is none of these; a name of a file is not either.
    """
    if "\n" in text:
        conf.update(joined(conf, _document(text)))
    elif "=" in text:
        key, _, given = text.partition("=")
        value = read_value(given)
        if too_deep(value):
            raise NotReadable("too_deep")
        put(conf, levels(key), value)
    else:
        raise NotReadable("names_file_conf", text=repr(text[:80]))


def levels(key: str) -> str:
    """Return a dotted key; raise ``ValueError`` if a level is empty or there are too many."""
    names = key.split(".")
    if not all(names) or len(names) > _MAX_LEVELS:
        raise NotReadable("no_key", key=repr(key[:80]))
    return key


def joined(before: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of both, those of *value* where both have one, at all levels."""
    tree: dict[str, Any] = {}
    for members in (before, value):
        merge(tree, "whole", members)
    whole: dict[str, Any] = tree["whole"]
    return whole


def _refuse(constant: str) -> None:
    """Refuse ``NaN`` and ``Infinity``, which Python's parser accepts beside JSON."""
    raise ValueError(f"{constant} is not JSON")


def _document(text: str) -> dict[str, Any]:
    if len(text) > MAX_CONF_LENGTH:
        raise NotReadable("conf_too_long", limit=MAX_CONF_LENGTH)
    try:
        found = json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise NotReadable("too_deep") from None
    except ValueError:
        try:
            # Through JSON, which has no dates and no infinite numbers.
            found = json.loads(json.dumps(tomllib.loads(text), allow_nan=False))
        except tomllib.TOMLDecodeError as error:
            raise NotReadable("conf_no_toml", why=str(error)) from None
        except RecursionError:
            raise NotReadable("too_deep") from None
        except (TypeError, ValueError) as error:
            raise NotReadable("conf_no_json", why=str(error)) from None
    if not isinstance(found, dict):
        raise NotReadable("conf_no_table")
    if too_deep(found):
        raise NotReadable("too_deep")
    return found
