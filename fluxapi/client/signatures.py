"""Signatures that name each option, for ``help()``, notebooks and editors that run the code.

Type checkers see the options by ``Unpack``; at run time a signature would end in ``**options``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["with_options"]

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def with_options(options: type) -> Callable[[FunctionT], FunctionT]:
    """Return a decorator that shows the keys of a ``TypedDict`` in place of ``**``."""

    def show(function: FunctionT) -> FunctionT:
        signature = inspect.signature(function)
        parameters = [
            parameter
            for parameter in signature.parameters.values()
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        parameters += [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=getattr(kind, "__forward_arg__", kind),
            )
            for name, kind in options.__annotations__.items()
        ]
        function.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined] # inspect reads it
        return function

    return show
