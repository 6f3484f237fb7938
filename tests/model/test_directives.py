"""Directives of batch scripts: their lines, their errors, and hostile ones."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxapi.cli.times import parse_when
from fluxapi.errors import ValidationFailed
from fluxapi.handlers.scripts import with_directives
from fluxapi.model import batch_options, directives
from fluxapi.model.directives import mend, parse
from fluxapi.model.jobspec import Defaults, build
from fluxapi.model.script_hints import hints


def words(text: str) -> list[tuple[int, tuple[str, ...]]]:
    script = parse(text)
    assert script.wrong == []
    return [(directive.line, directive.words) for directive in script.directives]


def wrong(text: str, **fields: Any) -> list[str]:
    with pytest.raises(ValidationFailed) as caught:
        with_directives({"script": text, **fields}, {})
    assert {error["pointer"] for error in caught.value.members["errors"]} == {"/script"}
    return [error["detail"] for error in caught.value.members["errors"]]


def test_each_directive_has_its_line() -> None:
    text = "#!/bin/sh\n\n# flux: -N4\n# flux:\n#\n# flux: --a='b c' # no\necho\n"
    assert words(text) == [(3, ("-N4",)), (6, ("--a=b c",))]


def test_a_text_may_span_lines() -> None:
    text = "#!/bin/sh\n#flux: --conf='''\n#flux:   a=1\n#flux: b=2\n#flux: '''\n#flux: -x\n"
    assert words(text) == [(2, ("--conf=  a=1\nb=2\n",)), (6, ("-x",))]


SHEBANG = "#!/bin/sh\n"


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("#flux: N4", "line 2: unknown directive 'N4'"),
        ("#flux: --x='a", "line 2: no closing quotation"),
        ("#flux: -N2\necho\n#flux: -n1", "line 4: a 'flux:' directive must come before the comm"),
        ("#flux: -N2\n##flux: -n1", "line 3: the sentinel changed from '#flux:' to '##flux:'"),
        ("#flux: -N2\n#FLUX: -n1", "line 3: the sentinel changed"),
        ("#flux: --conf='''\n#flux: a=1\necho", "line 2: the triple quote is not closed"),
        ("#flux: --conf='''\n#flux: a=1", "line 2: the triple quote is not closed"),
        ("#flux: --conf='''a", "line 2: the triple quote is not closed"),
        ("#flux: --nodes", "line 2: --nodes needs a value."),
        ("#flux: -N x", "line 2: --nodes must be a whole number, not 'x'."),
        ("#flux: -N0", "line 2: num_nodes must be a whole number from 1"),
        (
            "#flux: --nodse=1",
            "line 2: '--nodse' is not an option of flux batch; did you mean --nodes?",
        ),
        ("#flux: --cc=1-20", "line 2: '--cc' is not an option of flux batch; to submit the script"),
        (
            "#flux: --array=1-20",
            "line 2: '--array' is not an option of flux batch; to submit the scri",
        ),
        ("#flux: --partition=p", "line 2: '--partition' is not an option of flux batch; did you "),
        ("#flux: -p debug", "line 2: '-p' is not an option of flux batch; did you mean --queue?"),
        ("#flux: --xyzzy", "line 2: '--xyzzy' is not an option of flux batch."),
        ("#flux: -Z", "line 2: '-Z' is not an option of flux batch."),
        ("#flux: -x=1", "line 2: --exclusive takes no value."),
        ("#flux: --exclusive=1", "line 2: --exclusive takes no value."),
        ("#flux: -n1 echo", "line 2: 'echo' is not an option."),
        ("#flux: --dry-run", "line 2: --dry-run cannot be used here"),
        ("#flux: -t soon", "line 2: --time-limit=soon: 'soon' is not a duration"),
        ("#flux: --urgency=32", "line 2: urgency must be"),
        ("#flux: --urgency=soon", "line 2: urgency must be"),
        ("#flux: --cwd=there", "line 2: cwd must be an absolute path"),
        ("#flux: --conf=site", "line 2: --conf=site: 'site' names a file"),
        (
            "#flux: --conf='''\n#flux: a = 1 2\n#flux: '''",
            "line 2: --conf: is neither TOML nor JSON",
        ),
        (
            "#flux: --conf='''\n#flux: a = 2030-01-01\n#flux: '''",
            "line 2: --conf: contains a value",
        ),
        ("#flux: --add-file=a.sh", "line 2: --add-file=a.sh: names a file"),
        ("#flux: --env=HOME", "line 2: --env=HOME: the service has neither your variables"),
        ("#flux: --env=A=$B", "line 2: --env=A=$B: $B is not a variable of the job"),
        ("#flux: --env==1", "line 2: environment. is not an accepted name"),
        ("#flux: --env-file=x", "line 2: --env-file cannot be used here"),
        ("#flux: --rlimit=core", "line 2: --rlimit=core: the service does not know your limits"),
        ("#flux: --rlimit=size=1", "line 2: rlimits.size is not an accepted name"),
        ("#flux: --requires='a|'", "line 2: --requires=a|: a property or host is missing"),
        ("#flux: --dependency=1x", "line 2: dependencies.0 must be a dependency"),
        ("#flux: --signal=NONE", "line 2: --signal=NONE: 'NONE' is not a signal"),
        ("#flux: --flags=novalidate", "line 2: --flags=novalidate: 'novalidate' is not"),
        ("#flux: --begin-time=nan", "line 2: --begin-time=nan: 'nan' is not a time"),
        (
            "#flux: --begin-time=9999-12-31T23:59:59-12:00",
            "line 2: --begin-time=9999-12-31T23:59:59-12:00: '9999-12-31T23:59:59-12:00' is not",
        ),
        (
            "#flux: --conf='''\n#flux: {\"a\": NaN}\n#flux: '''",
            "line 2: --conf: is neither TOML nor JSON",
        ),
        ("#flux: --resources-json=x", "line 2: --resources-json cannot be used here"),
        ("#flux: --resources-shape=slot", "line 2: --resources-shape=slot: expected '/'"),
        ("#flux: --setattr=^a=b", "line 2: --setattr=^a=b: names a file"),
        ("#flux: --setopt=a..b=1", "line 2: --setopt=a..b=1: 'a..b' is not a key"),
    ],
)
def test_a_wrong_directive_is_named_with_its_line(text: str, detail: str) -> None:
    (found,) = wrong(f"{SHEBANG}{text}\n")
    assert found.startswith(detail)


def test_every_wrong_directive_is_named_at_once() -> None:
    text = "echo\n#flux: N4\n#flux: -N0\n#flux: --nodse\n#flux: -c0\n"
    found = [detail.partition(":")[0] for detail in wrong(text)]
    assert found == ["line 1", "line 2", "line 3", "line 4", "line 5"]


def test_an_option_is_suggested_a_bounded_number_of_times() -> None:
    found = wrong(SHEBANG + "#flux: --ndoes=4\n" * (batch_options.MAX_GUESSES + 5))
    assert sum("did you mean --nodes?" in detail for detail in found) == batch_options.MAX_GUESSES
    assert found[-1].endswith("is not an option of flux batch.")


def test_comments_that_look_like_directives_are_said_with_their_lines() -> None:
    text = (
        "#!/bin/sh\n#flux -N 2\n#SBATCH -N1\n#PBS -l a\n#SBATCH -n1\n#SBATCH -c1\n#SBATCH\n"
        "#SBATCHING\n##SBATCH -x\n# Flux: -n1\n#flux run -n2 true\n#flux: -N2\necho\n#BSUB -x\n"
    )
    almost, slurm, pbs = (warning.text() for warning in hints(text))
    assert almost.startswith("Lines 2 and 10: Flux ignores this as a comment")
    assert slurm.startswith("Lines 3, 5, 6 and 1 more: Flux ignores #SBATCH, a directive of Slurm")
    assert pbs.startswith("Line 4: Flux ignores #PBS, a directive of PBS")
    assert hints("#!/bin/sh\n#flux: -N2\n# FLUX: -n1\nflux run -n1 true\n") == []


def test_windows_line_ends_and_a_mark_are_mended_and_said() -> None:
    text, notes = mend("\ufeff#!/bin/sh\r\n#flux: -N2\r\n")
    assert text == "#!/bin/sh\n#flux: -N2\n"
    assert len(notes) == 2
    assert mend("#!/bin/sh\n") == ("#!/bin/sh\n", [])


@pytest.mark.parametrize(
    "text",
    [
        "#flux: -x\n" * (directives.MAX_DIRECTIVE_LINES + 1),
        f"#flux: --job-name={'a' * directives.MAX_DIRECTIVE_LENGTH}\n",
        f"#flux: --job-name={'a ' * directives.MAX_DIRECTIVES_LENGTH}\n",
        f"#flux: --requires={'a' * batch_options.MAX_CONSTRAINT_LENGTH}\n#flux: --requires=b",
        "#flux: --env=A=aaaaaaaaaaaaaaaa\n" + "#flux: --env=A=$A$A\n" * 60,
        f"#flux: --setattr=a={'[' * 100}{']' * 100}\n",
        f"#flux: --conf=a={'[' * 100}{']' * 100}\n",
        f"#flux: --conf={'a.' * 100}b=1\n",
        "#flux: --conf='''\n" + "#flux: " + "[" * 9000 + "\n#flux: '''\n",
        "#flux: --conf='''\n" + "#flux: a=" + "[" * 9000 + "\n#flux: '''\n",
        f"#flux: --requires='{'(' * 2000}'\n",
        "#flux: --requires=a\n" * (batch_options.MAX_CONSTRAINTS + 1),
        f"#flux: --env=A={'a' * 9000}\n" + "".join(f"#flux: --env=B{n}=$A\n" for n in range(99)),
        "#flux: --env-remove=x\n" * 101,
        f"#flux: --rlimit={'-x,' * 2000}-x\n",
        f"#flux: --rlimit={','.join(f'a{n}=1' for n in range(999))}\n",
        f"#flux: --rlimit=-{'*a' * 999}\n",
        f"#flux: --time-limit={'9' * 400}\n",
        f"#flux: --begin-time={'9' * 9000}\n",
        f"#flux: --begin-time=+{'9' * 400}\n",
        f"#flux: --begin-time={'x' * 9000}\n",
        "#flux: --begin-time=8am\n" * 9,
        "#flux: --begin-time='since am of tuesday : 31'\n",
        "#flux: --begin-time='monday tuesday wednesday thursday'\n",
    ],
)
def test_an_expensive_directive_is_refused(text: str) -> None:
    assert len(wrong(SHEBANG + text)[0]) < 1000


@pytest.mark.parametrize("text", ["tomorrow 9am", "monday at 10am", "in 2 hours", "+1h", "now"])
def test_a_begin_time_is_that_of_the_command_line(text: str) -> None:
    (directive,) = parse(f"{SHEBANG}#flux: --begin-time='{text}'\n").directives
    now = 1_800_000_000.0
    fields = batch_options.fields_of([directive], {}, now).fields
    assert fields == {"dependencies": [f"begin-time:{parse_when(text, now)}"]}


@pytest.mark.parametrize(
    "text",
    ["#" * (1 << 20), "#\n" * (1 << 19), "\n" * (1 << 20), "flux" * (1 << 18), "#flux" * 200_000],
)
def test_a_long_script_without_directives_is_read_at_once(text: str) -> None:
    assert words(text) == []
    assert words(f"#!/bin/sh\n#flux: -x\n{text}") == [(2, ("-x",))]


pieces = st.sampled_from(
    ["#flux:", "# flux:", "FLUX:", "\n", "\n#flux: ", " ", "-N4", "--conf=", "'''", '"""', "'", '"',
     "\\", "a=1", "#", "--env=", "$HOME",
      "{{id}}", "echo", "\t", "=", "--", "-", "--requires=", "|"]
)  # fmt: skip


@given(st.lists(pieces, max_size=30).map("".join))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        fields, _ = with_directives({"script": SHEBANG + text}, {"HOME": "/"})
    except ValidationFailed as error:
        lines = text.count("\n") + 2
        for one in error.members["errors"]:
            number = one["detail"].removeprefix("line ").partition(":")[0]
            assert 1 <= int(number) <= lines
    else:
        assert fields["script"].startswith(SHEBANG)


def test_constraints_of_a_request_are_added_to_those_of_the_script() -> None:
    script = f"{SHEBANG}#flux: --requires=a\n"
    a, b = {"properties": ["a"]}, {"properties": ["b"]}
    for given_, both in ((b, {"and": [a, b]}), ("b", {"and": [a, b]}), (" ", a), ({}, a)):
        fields, _ = with_directives({"script": script, "constraints": given_}, {})
        assert fields["constraints"] == both
        build(fields, Defaults())
    with pytest.raises(ValidationFailed) as caught:
        with_directives({"script": script, "constraints": "b|"}, {})
    (error,) = caught.value.members["errors"]
    assert error["pointer"] == "/constraints"
