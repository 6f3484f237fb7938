"""Make ``fluxapi/client/sync.py``: the asynchronous client's methods without ``await``.

    python tools/make_sync.py            writes the file
    python tools/make_sync.py --check    says whether it is what it should be

Signatures and docstrings are those of the asynchronous classes; each method hands the call to the
loop's thread. A test holds the committed file to what this makes.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["TARGET", "made"]

ROOT = Path(__file__).resolve().parents[1]
CLIENT = ROOT / "fluxapi" / "client"
TARGET = CLIENT / "sync.py"

HEADER = '''"""The client for programs without an event loop.

Made by ``tools/make_sync.py`` from the asynchronous one: change that, and make this anew.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

from .aio import AsyncClient
from .credentials import AccessTokenSource
from .event import Event, Reset
from .events import EventStream
from .job import Job, JobList
from .loop import Iteration, LoopThread, each_of
from .options import Command, EventFilter, JobFilter, StreamFilter, SubmitOptions, Urgency
from .patience import DEFAULT_TIMEOUT_S, OnWait
from .errors import BulkItem
from .results import AccessToken, CancelResult
from .stats import Stats
from .watch import JobChange, JobsWatch
from .written import Output, OutputEntry

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

__all__ = ["Client", "SyncEventStream", "SyncJobsWatch"]

ItemT_co = TypeVar("ItemT_co", bound=Event | Reset, covariant=True)
'''

CONSTRUCTOR = '''
        self._loop = LoopThread()
        self._client = AsyncClient({arguments})
        self.url = self._client.url
        """The address of the service."""
        # A notebook never closes anything: connections end with the client, or with Python.
        self._finalizer = weakref.finalize(self, _close, self._loop, self._client)
'''

CLOSING = """
def _close(loop: LoopThread, client: AsyncClient) -> None:
    loop.close(client.aclose())
"""

WRAPPER = """
    def __init__(self, loop: LoopThread, stream: {inner}) -> None:
        self._loop = loop
        self._stream = stream
        self._items: Iteration[{item}] = loop.iterate(stream)

    def __repr__(self) -> str:
        return repr(self._stream)
"""

NEXT = """
    def __next__(self) -> {item}:
        return next(self._items)
"""

WRAPPED = {"EventStream": "SyncEventStream", "JobsWatch": "SyncJobsWatch"}
ENTRANCES = {
    "aclose": "close",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
}
WORDS = {"async with AsyncClient": "with Client", "async with": "with", "async for": "for"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def made() -> str:
    """The whole file, formatted."""
    parts = [
        HEADER,
        *_client(_class(CLIENT / "aio.py", "AsyncClient")),
        CLOSING,
        *_wrapper(_class(CLIENT / "events.py", "EventStream"), "EventStream[ItemT_co]", "ItemT_co"),
        *_wrapper(_class(CLIENT / "watch.py", "JobsWatch"), "JobsWatch", "JobChange"),
    ]
    return _formatted("\n".join(parts))


def _class(path: Path, name: str) -> ast.ClassDef:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)


def _client(node: ast.ClassDef) -> Iterator[str]:
    yield f"class Client:\n    {_docstring(node)}"
    for function in _public(node):
        if function.name == "__init__":
            arguments = _passed(function).removeprefix("self, ")
            yield _signature(function) + CONSTRUCTOR.format(arguments=arguments)
        elif function.name == "aclose":
            yield _method(function, "self._finalizer()")
        elif function.name == "__repr__":
            yield _method(function, 'return f"<{type(self).__name__} {self.url}>"')
        elif function.name == "__aenter__":
            yield _method(function, "return self")
        elif function.name == "__aexit__":
            yield _method(function, "self.close()")
        else:
            yield _method(function, _handed_on(function, "self._client"))


def _wrapper(node: ast.ClassDef, inner: str, item: str) -> Iterator[str]:
    bases = "(Generic[ItemT_co])" if "[" in inner else ""
    yield f"class {WRAPPED[node.name]}{bases}:\n    {_docstring(node)}"
    yield WRAPPER.format(inner=inner, item=item)
    for function in _public(node):
        if function.name == "__init__":
            yield from _attributes(function)
        elif _is_property(function):
            yield f"    @property\n{_method(function, f'return self._stream.{function.name}')}"
        elif function.name == "__anext__":
            yield NEXT.format(item=item)
        elif function.name == "__aenter__":
            opening = "self._loop.run(self._stream.__aenter__())\nreturn self"
            yield _method(function, opening)
        elif function.name == "__aexit__":
            yield _method(function, "self.close()")
        elif function.name == "__aiter__":
            yield _method(function, "return self")
        elif function.name == "aclose":
            yield _method(function, "self._items.close()")
        elif function.name != "__repr__":
            yield _method(function, f"self._loop.run(self._stream.{function.name}())\nreturn self")


def _public(node: ast.ClassDef) -> list[Function]:
    return [
        part
        for part in node.body
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)
        and (part.name.startswith("__") or not part.name.startswith("_"))
    ]


def _attributes(function: Function) -> Iterator[str]:
    """What ``__init__`` sets for others to read, as properties."""
    for node, following in zip(function.body, function.body[1:], strict=False):
        target: ast.expr | None = None
        if isinstance(node, ast.AnnAssign):
            target = node.target
        elif isinstance(node, ast.Assign):
            target = node.targets[0]
        if isinstance(target, ast.Attribute) and not target.attr.startswith("_"):
            kind = ast.unparse(node.annotation) if isinstance(node, ast.AnnAssign) else "int"
            text = following.value if isinstance(following, ast.Expr) else None
            words = str(text.value) if isinstance(text, ast.Constant) else "What is held, by id."
            yield (
                f"    @property\n    def {target.attr}(self) -> {kind}:\n"
                f'        """{words}"""\n        return self._stream.{target.attr}\n'
            )


def _is_property(function: Function) -> bool:
    return any(isinstance(d, ast.Name) and d.id == "property" for d in function.decorator_list)


def _is_overload(function: Function) -> bool:
    return any(isinstance(d, ast.Name) and d.id == "overload" for d in function.decorator_list)


def _method(function: Function, body: str) -> str:
    head = _signature(function)
    if _is_overload(function):
        return f"    @overload\n{head} ..."
    text = _docstring(function)
    lines = ([text] if text else []) + body.splitlines()
    return head + "\n" + "\n".join(f"        {line}" for line in lines) + "\n"


def _signature(function: Function) -> str:
    name = ENTRANCES.get(function.name, function.name)
    returns = f" -> {_returned(function)}" if function.returns else ""
    arguments = ast.unparse(_without_async(function.args))
    noqa = "  # noqa: N802 - RFC 20's name" if name == "R" else ""
    return f"    def {name}({arguments}){returns}:{noqa}"


def _returned(function: Function) -> str:
    text = ast.unparse(function.returns) if function.returns else ""
    text = re.sub(r"\bAsyncIterator\b", "Iteration", text)
    return re.sub(r"\b(EventStream|JobsWatch)\b", lambda found: WRAPPED[found[0]], text)


class _Narrowed(ast.NodeTransformer):
    """Takes what only coroutines can give out of the parameters."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        if ast.unparse(node.right).startswith("AsyncIterable["):
            return node.left
        return node


def _without_async(arguments: ast.arguments) -> ast.arguments:
    copied = ast.parse(f"def f({ast.unparse(arguments)}): ...").body[0]
    assert isinstance(copied, ast.FunctionDef)  # noqa: S101 - it was just made
    narrowed = _Narrowed().visit(copied.args)
    assert isinstance(narrowed, ast.arguments)  # noqa: S101
    return narrowed


def _handed_on(function: Function, place: str) -> str:
    """The call of the asynchronous method, and how its result comes over."""
    call = f"{place}.{function.name}({_passed(function).removeprefix('self, ')})"
    returns = ast.unparse(function.returns) if function.returns else ""
    for name, wrapper in WRAPPED.items():
        if returns.startswith(name):
            return f"return {wrapper}(self._loop, {call})"
    if returns.startswith("AsyncIterator"):
        return f"return self._loop.iterate({call})"
    back = "" if returns == "None" else "return "
    return f"{back}self._loop.run({call})"


def _passed(function: Function) -> str:
    """The parameters as arguments of the same names."""
    arguments = function.args
    parts = [_argument(one) for one in arguments.args]
    parts += [f"{one.arg}={_argument(one)}" for one in arguments.kwonlyargs]
    if arguments.kwarg is not None:
        parts.append(f"**{arguments.kwarg.arg}")
    return "" if parts == ["self"] else ", ".join(parts)


def _argument(one: ast.arg) -> str:
    taken = one.annotation is not None and "AsyncIterable[" in ast.unparse(one.annotation)
    return f"each_of({one.arg})" if taken else one.arg


def _docstring(node: Function | ast.ClassDef) -> str:
    text = ast.get_docstring(node, clean=False)
    if text is None:
        return ""
    for old, new in WORDS.items():
        text = text.replace(old, new)
    return f'"""{text}"""'


def _formatted(source: str) -> str:
    for command in (("check", "--select", "I", "--fix", "--quiet"), ("format", "--quiet")):
        source = subprocess.run(  # noqa: S603 - our own tool
            [sys.executable, "-m", "ruff", *command, "--stdin-filename", str(TARGET), "-"],
            input=source,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    return source


def main() -> int:
    """Write the file, or compare it."""
    text = made()
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(text, encoding="utf-8")
        return 0
    same = TARGET.is_file() and TARGET.read_text(encoding="utf-8") == text
    if not same:
        print(f"{TARGET} is not what tools/make_sync.py makes: run it.", file=sys.stderr)  # noqa: T201 - it is a command
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
