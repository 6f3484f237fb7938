"""Batch scripts make the jobspecs of ``flux batch --dry-run``, field by field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fluxapi.handlers.scripts import with_directives
from fluxapi.model.jobspec import Defaults, build
from tests.running import needs_flux, run_flux

pytestmark = needs_flux

DEFAULTS = Defaults(environment={"HOME": "/home/me"})
MULTI = '''#!/bin/bash
# A comment before.
#flux: -N4
#flux: --queue="batch" # a comment
#flux: --job-name='my job'

#flux: --conf="""
#flux: [resource]
#flux: noverify = true
#flux: exclude = "0"
#flux: """
#flux: --add-file=x.sh:755="""
#flux:   #!/bin/sh
#flux:     echo "a b"
#flux: """
echo run
# FLUX comments are no directives
'''

CASES: dict[str, tuple[str, list[str], dict[str, Any]]] = {
    "one slot": ("#!/bin/sh\ntrue\n", ["-n1"], {"num_slots": 1}),
    "slots": (
        "#!/bin/sh\n", ["-n4", "-c2", "-g1"],
        {"num_slots": 4, "cores_per_slot": 2, "gpus_per_slot": 1},
    ),
    "nodes": ("#!/bin/sh\n", ["-N4"], {"num_nodes": 4}),
    "slots on nodes": ("#!/bin/sh\n", ["-N2", "-n5"], {"num_nodes": 2, "num_slots": 5}),
    "exclusive": (
        "#!/bin/sh\n", ["-N2", "-n2", "-x"],
        {"num_nodes": 2, "num_slots": 2, "exclusive": True},
    ),
    "several lines": (MULTI, [], {}),
    "the request wins": (MULTI, ["-N2", "--queue=other"], {"num_nodes": 2, "queue": "other"}),
    "members are merged": (
        "#!/bin/sh\n#flux: -n1 -o a.b=1 -o c=2 --setattr=user.x=1 --conf=a.b=1 --broker-opts=-v\n",
        ["-o", "c=3", "--setattr=y=true", "--conf=a.c=[2]", "--broker-opts=-Sx=1,-Sy=2"],
        {
            "shell_options": {"c": 3}, "attributes": {"y": True}, "conf": {"a": {"c": [2]}},
            "broker_opts": ["-Sx=1", "-Sy=2"],
        },
    ),
    "other sentinels": ("#!/usr/bin/env lua\n-- flux: -xN3\n-- FLUX\nprint()\n", [], {}),
    "capitals": ("#!/bin/sh\n# FLUX: -n3 -t1.5\n", [], {}),
    "a time limit with a unit": ("#!/bin/sh\n#flux: -n1 --time-limit=1.5h\n", [], {}),
    "a request has seconds": ("#!/bin/sh\n#flux: -n1 -t 5\n", ["-t90s"], {"duration": "90s"}),
    "inline triple quotes": (
        "#!/bin/sh\n#flux: -n1 --job-name='''it's a \"name\"''' --setattr=user.t='''[\"a b\"]'''\n",
        [], {},
    ),
    "quotes of the shell": (
        "#!/bin/sh\n#flux: -n1 --job-name=a\\ b --bank \"b c\" --setattr='user.v=\"1\"'\n", [], {},
    ),
    "files of output": (
        "#!/bin/sh\n#flux: -n1 --output=job-{{id}}.out --error=e -l -u --input=/dev/null\n", [], {},
    ),
    "output that stays in Flux": ("#!/bin/sh\n", ["-n1", "--output=kvs"],
        {"num_slots": 1, "output": "kvs"}),
    "a signal": ("#!/bin/sh\n#flux: -n1 --signal=SIGTERM@2m\n", [], {}),
    "limits": ("#!/bin/sh\n#flux: -n1 --rlimit=-*,core=16,nofile=unlimited\n", [], {}),
    "dependencies": (
        "#!/bin/sh\n#flux: -n1 --dependency=afterok:f1 --begin-time='2030-01-02 03:04:05'\n",
        ["--dependency=afterany:f2?x=1"],
        {"dependencies": ["afterany:f2?x=1"]},
    ),
    "a phrase for a time": ("#!/bin/sh\n#flux: -n1 --begin-time='2031-01-02 9am'\n", [], {}),
    "a shape": ("#!/bin/sh\n#flux: -n3 --resources-shape=node=2/slot=3/core\n", [], {}),
    "constraints": (
        "#!/bin/sh\n#flux: -n1 --requires=host:a --requires='b|-c' --requires=d\n", [], {},
    ),
    "dump": ("#!/bin/sh\n#flux: -n1 --dump --conf=x.y=text\n", [], {}),
    "dump to a file": ("#!/bin/sh\n#flux: -n1 --dump=/tmp/x\n", [], {}),
    "templates in variables": ("#!/bin/sh\n#flux: -n1 --env=RANK={{rank}}\n", [], {}),
    "wrapped": ("echo hi\n", ["-n1", "--wrap"], {"num_slots": 1, "wrap": True}),
    "an empty directive": ("#!/bin/sh\n#flux:\n#flux: # -N4\n#flux: -n2\n", [], {}),
    "comment lines between": ("#!/bin/sh\n#flux: -n2\n# more\n\n#flux: -c2\nflux run x\n", [], {}),
    "Windows line ends": ("#!/bin/sh\r\n#flux: -n2\r\necho\r\n", [], {}),
}  # fmt: skip


NEWER = {
    "several lines": "modes of --add-file",
    "the request wins": "modes of --add-file",
    "quotes of the shell": "--bank",
    "a shape": "--resources-shape",
    "files of output": "--label-io as flux batch writes it now",
    "templates in variables": "templates in --env",
}
"""Parts of the cases that the oldest supported release does not have."""


def plain(document: dict[str, Any], *, rlimit: bool) -> dict[str, Any]:
    """Return a jobspec without what the two submitters inherit from their environments."""
    system = document["attributes"]["system"]
    del system["environment"]
    system.pop("cwd", None)
    if not rlimit:
        system["shell"]["options"].pop("rlimit", None)
    return document


def as_released(document: dict[str, Any], theirs: str) -> dict[str, Any]:
    """Return our jobspec without options of batch jobs that came after the release of Flux."""
    if '"exit-timeout"' not in theirs:
        document["attributes"]["system"]["shell"]["options"].pop("exit-timeout", None)
    return document


@pytest.mark.parametrize("case", CASES)
def test_it_is_what_flux_batch_makes(case: str, tmp_path: Path) -> None:
    script, words, request = CASES[case]
    done = run_flux("batch", "--dry-run", *words, input=script, cwd=tmp_path)
    if case in NEWER and "unrecognized arguments" in done.stderr:
        pytest.skip(f"this release of flux batch lacks {NEWER[case]}")
    assert done.returncode == 0, done.stderr
    fields, _ = with_directives({"script": script, **request}, DEFAULTS.environment)
    ours = json.loads(build(fields, DEFAULTS).jobspec)
    if case in NEWER and '"exit-timeout"' not in done.stdout:
        pytest.skip(f"this release of flux batch lacks {NEWER[case]}")
    limits = "--rlimit" in script
    assert as_released(plain(ours, rlimit=limits), done.stdout) == plain(
        json.loads(done.stdout), rlimit=limits
    )


def test_variables_are_set_and_expanded_as_flux_does(tmp_path: Path) -> None:
    script = (
        "#!/bin/sh\n#flux: -n1 --env='A=$HOME/x' --env=B=1 --env=C=2 --env='D=${A}:$$'\n"
        "#flux: --env-remove='[BX]' --env=-C*\n"
    )
    done = run_flux("batch", "--dry-run", input=script, cwd=tmp_path, HOME="/home/me")
    done.check_returncode()
    theirs = json.loads(done.stdout)["attributes"]["system"]["environment"]
    fields, _ = with_directives({"script": script}, DEFAULTS.environment)
    ours = json.loads(build(fields, DEFAULTS).jobspec)["attributes"]["system"]["environment"]
    assert ours == {name: theirs.get(name) for name in ("HOME", "A", "D")}
    assert not {"B", "C"} & theirs.keys()


def test_a_script_and_its_arguments_by_name(tmp_path: Path) -> None:
    (tmp_path / "job.sh").write_text("#!/bin/sh\n#flux: -n1\n", encoding="utf-8")
    done = run_flux("batch", "--dry-run", "job.sh", "-n", "7 8", cwd=tmp_path)
    done.check_returncode()
    request = {"script_args": ["-n", "7 8"], "script_name": "job.sh"}
    fields, _ = with_directives({"script": "#!/bin/sh\n#flux: -n1\n", **request}, {})
    ours = json.loads(build(fields, DEFAULTS).jobspec)
    theirs = plain(json.loads(done.stdout), rlimit=False)
    assert as_released(plain(ours, rlimit=False), done.stdout) == theirs
