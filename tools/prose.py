"""Measure the language of docstrings, comments and messages, folder by folder.

    python tools/prose.py                     print the measures of the whole project
    python tools/prose.py --list fluxapi/web  list what counts against these files and folders
    python tools/prose.py --check             list what misses a bound, and exit with 1

The first measure is the share of function docstrings that begin with an imperative verb.
Properties are left out: their docstrings name a value. In a script, a JSDoc comment of a function
counts as its docstring. The second measure is the number of sentences in docstrings, comments,
strings, names of tests and guides that begin with Who, What, Whether, Where or That; questions, and
strings of scripts, are left out.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import sys
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.script_comments import comments

__all__ = ["Finding", "imperative", "inspect", "sentences"]

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_PATHS = (
    *("fluxapi", "tools", "bench", "examples", "tests", "frontend/src", "frontend/test", "docs"),
    *("README.md", "CONTRIBUTING.md", "SECURITY.md"),
)
SCRIPTS = frozenset({".css", ".js"})
SUFFIXES = frozenset({".md", ".py", *SCRIPTS})
GENERATED = frozenset({"fluxapi/client/sync.py"})
MIN_IMPERATIVE_PERCENT = 95
MAX_CLAUSE_SUBJECTS = 0

VERBS = frozenset(
    # A list of strings would take a line per word.
    """
    abort accept acquire act add admit advance align allocate answer append apply ask assert assign
    attach attack authenticate await become begin bind block bound bring buffer build bump cache
    calculate call cancel capitalize capture catch change check choose chunk clean clear clip close
    collapse collect color combine compact compare compile complete compose compress compute
    concatenate configure confirm connect consume continue convert copy count cover create cut deal
    debounce decide declare decode decompress decrease defer define delay delete deliver deny derive
    describe detach detect determine digest disable discard disconnect dispatch display divide do
    download drain draw drop dump duplicate echo emit enable encode end enforce enqueue ensure enter
    erase escape estimate evict exchange exclude execute exit expand expect expire explain export
    expose extend extract fail fall feed fetch file fill filter find finish fit flatten flush fold
    follow forget fork format forward free freeze fuzz gather generate get give go group grow guess
    halt handle hash have hide hold identify ignore implement import include increase increment
    index infer inform initialize insert inspect install instrument interpret interrupt invalidate
    issue iterate join judge keep kill label launch lead leave let lift limit link list listen load
    locate lock log look lower make mark match measure merge migrate mount move multiply name narrow
    negotiate normalize note notify number observe offer open order pack page parse pass patch pause
    peek perform permit pick pin place play poll pop populate post prefer prefix prepare print
    process produce profile promote prompt propagate protect prove provide prune publish pull purge
    push put queue quote raise range rank read rebuild receive recognize reconnect record recover
    redact redirect reduce refer refresh refuse register reject release reload remember remove
    rename render renew reopen repeat replace replay reply report request require reset resize
    resolve respond rest restart restore restrict resume retry return reuse revoke rewrite roll
    rotate round route run sample save say scan schedule scroll scrub search see select send
    separate serialize serve set settle share shorten show shrink shut sign signal simulate skip
    sleep slice sort spawn split stand start stat stop store stream strip submit subscribe
    substitute subtract sum summarize supply suspend swap switch sync synchronize take tear tell
    terminate test time trace track trade transform translate traverse treat trim truncate try turn
    undo unify unlink unpack unregister unsubscribe update upgrade upload use validate verify visit
    wait wake walk warm warn watch withdraw wrap write yield
    """.split()  # noqa: SIM905
)

_CLAUSE = re.compile(r"(?:Who|What|Whether|Where|That)\b[^.?!]*", re.DOTALL)
_CLAUSE_NAME = re.compile(r"test_(?:who|what|whether|where|that)(?:ever)?_")
_SENTENCE_START = re.compile(r"(?:\A|[.!?:]\s+|\n\s*\n\s*|\n\s*[-*]\s+)(?=\S)")
_PROPERTIES = frozenset({"property", "cached_property", "setter"})
_COMMENT_MARKS = re.compile(r"^#[:!]?\s?")


class Finding(NamedTuple):
    """One place that counts against a measure."""

    path: str
    line: int
    measure: str
    text: str


def imperative(docstring: str) -> bool:
    """Return whether *docstring* begins with an imperative verb."""
    first = re.match(r"[A-Z][a-z]+\b", docstring.lstrip())
    return first is not None and first[0].lower() in VERBS


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of *text* whose subject is a clause; the first may be in lowercase."""
    for start in _SENTENCE_START.finditer(text):
        at = start.end()
        rest = text[at : at + 1].upper() + text[at + 1 :] if at == 0 else text[at:]
        clause = _CLAUSE.match(rest)
        if clause and rest[clause.end() : clause.end() + 1] != "?":
            yield " ".join(rest[: clause.end() + 1].split())


def inspect(source: str, path: str = "") -> tuple[int, list[Finding]]:
    """Return the number of function docstrings in *source*, and what counts against it."""
    suffix = Path(path).suffix
    if suffix == ".md":
        return 0, _inspect_guide(source, path)
    return _inspect_script(source, path) if suffix in SCRIPTS else _inspect(source, path)


def _inspect_guide(source: str, path: str) -> list[Finding]:
    """Return what counts against a guide; blocks of code and headings of tables do not."""
    findings, is_code, paragraph, first = [], False, list[str](), 0
    for number, line in enumerate([*source.splitlines(), ""], 1):
        is_fence = line.lstrip().startswith("```")
        is_code ^= is_fence
        text = line.strip()
        if is_fence or is_code or not text or text[0] in "|#<":
            cells = text.split("|") if text.startswith("|") else []
            for place, words in ((first, "\n".join(paragraph)), *((number, it) for it in cells)):
                found = sentences(words.strip())
                findings += [Finding(path, place, "clause", it) for it in found if it[-1] in ".!"]
            paragraph.clear()
        else:
            first = first if paragraph else number
            paragraph.append(text)
    return findings


def _inspect_script(source: str, path: str) -> tuple[int, list[Finding]]:
    count, findings = 0, []
    for comment in comments(source):
        if comment.is_of_function:
            count += 1
            if not imperative(comment.text):
                first_line = comment.text.partition("\n")[0]
                findings.append(Finding(path, comment.line, "imperative", first_line))
        found = sentences(comment.text)
        findings += [Finding(path, comment.line, "clause", sentence) for sentence in found]
    return count, findings


def _inspect(source: str, path: str) -> tuple[int, list[Finding]]:
    count, findings = 0, []
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not _is_property(node):
            if _CLAUSE_NAME.match(node.name):
                findings.append(Finding(path, node.lineno, "clause", node.name))
            docstring = ast.get_docstring(node)
            if docstring is not None:
                count += 1
                if not imperative(docstring):
                    first_line = docstring.partition("\n")[0]
                    findings.append(Finding(path, node.lineno, "imperative", first_line))
    for line, text in (*_strings(tree), *_comments(source)):
        findings += [Finding(path, line, "clause", sentence) for sentence in sentences(text)]
    return count, findings


def _is_property(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    names = {
        getattr(decorator, "attr", getattr(decorator, "id", ""))
        for decorator in node.decorator_list
    }
    return bool(names & _PROPERTIES)


def _strings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, node.value


def _comments(source: str) -> Iterator[tuple[int, str]]:
    """Yield each comment; those of consecutive lines are one."""
    first, last, lines = 0, -1, [""]
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        text = _COMMENT_MARKS.sub("", token.string)
        row = token.start[0]
        if row == last + 1 and not token.line[: token.start[1]].strip():
            lines.append(text)
        else:
            yield first, "\n".join(lines)
            first, lines = row, [text]
        last = row
    yield first, "\n".join(lines)


def files(paths: list[str]) -> Iterator[Path]:
    """Yield the files of *paths* that are measured, without those of installed packages."""
    for name in paths:
        path = Path(name) if Path(name).is_absolute() else ROOT / name
        found = path.rglob("*") if path.is_dir() else [path]
        own = (it for it in found if "node_modules" not in it.parts)
        yield from sorted(it for it in own if it.suffix in SUFFIXES)


def _package(path: str) -> str:
    parts = Path(path).parts
    return "/".join(parts[:2]) if len(parts) > 2 else parts[0]  # noqa: PLR2004 - folder/folder/file


def main() -> int:
    """Print the measures, and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("paths", nargs="*", default=DEFAULT_PATHS, help="files and folders")
    parser.add_argument("--list", action="store_true", help="list what counts against them")
    parser.add_argument("--check", action="store_true", help="list misses, and exit with 1")
    options = parser.parse_args()
    docstrings: Counter[str] = Counter()
    found: defaultdict[str, list[Finding]] = defaultdict(list)
    for file in files(list(options.paths)):
        path = file.relative_to(ROOT).as_posix() if file.is_relative_to(ROOT) else str(file)
        if path in GENERATED:
            continue
        count, findings = inspect(file.read_text(encoding="utf-8"), path)
        package = _package(path)
        docstrings[package] += count
        found[package] += findings
        if options.list:
            _show(findings)
    missed: list[Finding] = []
    found["total"] = [finding for findings in found.values() for finding in findings]
    docstrings["total"] = docstrings.total()
    if not options.check:
        print(f"{'package':24} functions  imperative  clause subjects")  # noqa: T201
    for package in sorted(found, key=lambda name: (name == "total", name)):
        count, against = docstrings[package], Counter(one.measure for one in found[package])
        percent = 100 * (count - against["imperative"]) / count if count else 100
        misses = {
            "imperative": percent < MIN_IMPERATIVE_PERCENT,
            "clause": against["clause"] > MAX_CLAUSE_SUBJECTS,
        }
        if package != "total":  # its findings are those of the packages
            missed += [one for one in found[package] if misses[one.measure]]
        if not options.check:
            line = f"{package:24} {count:9}  {percent:8.1f} %  {against['clause']:15}"
            print(line)  # noqa: T201
    if not options.check or not missed:
        return 0
    _show(missed)
    hint = "Begin a docstring with an imperative verb, and no sentence with Who, What, Whether, …"
    print(hint)  # noqa: T201
    return 1


def _show(findings: list[Finding]) -> None:
    for found in findings:
        print(f"{found.path}:{found.line}: {found.measure}: {found.text}")  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
