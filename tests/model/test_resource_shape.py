"""Shapes of resources: those of flux-core's parser, and hostile ones."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from fluxapi.errors import ValidationFailed
from fluxapi.model.jobspec import Defaults, build
from fluxapi.model.resource_shape import ShapeError, resources_of
from tests.running import clean_environment, needs_flux

SHAPES = [
    "slot=4/node=[2]",
    "slot{task,foo:bar}/node{}",
    "slot/node",
    "Slot=4{level}/node",
    "slot=3-30/node",
    "slot=2+/node",
    "slot=2+:3:*/node",
    "slot=[2-8:2]/node",
    "slot=4,9,16-20/node",
    "node{-x}/core=4",
    "node{x,+a,-b,c}/core=4",
    "node/socket=2/core=4",
    "[slot=10{task1}/core;slot=2{task2}/core=2]",
    "node/[slot=10{read-db}/[core;memory=4{unit:GB}];slot{db}/[core=6;memory=24{unit:GB}]]",
    "slot / [ core = 2 ; gpu ]",
    "'my node'{a:'b c',d:1.5,e:-3,f:TRUE,g:null,h:[1, 'x']}",
    "core{a:{b:c}}",
]
WRONG = [
    "", "slot", "slot/", "slot=2{blah", "slot/node=;", "slot/node=a", "node]", "[node", "node}",
    'slot/"blah', "slot=0/node", "node=-1", "[slot/core;slot/core]", "node;core", "node{a:}", "=2",
]  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_shape_is_refused(text: str) -> None:
    with pytest.raises(ShapeError):
        resources_of(text)


@pytest.mark.parametrize(
    "text", ["[" * 4000, "a{b:" + "[" * 4000 + "]}", "a/" * 2000, "a{b:" + "{b:" * 1000, "a" * 5000]
)
def test_a_hostile_shape_is_refused_at_once(text: str) -> None:
    with pytest.raises(ShapeError):
        resources_of(text)


@needs_flux
def test_shapes_are_those_of_flux() -> None:
    code = (
        "import json, sys\n"
        "try:\n    from flux.shape.parser import ShapeParser\n"
        "except ImportError:\n    sys.exit()\n"
        "for text in json.load(sys.stdin):\n"
        "    try:\n        print(json.dumps(ShapeParser().parse(text)))\n"
        "    except Exception:\n        print('null')\n"
    )
    done = subprocess.run(
        ["flux", "python", "-c", code],
        input=json.dumps([*SHAPES, *WRONG]),
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    if not done.stdout:
        pytest.skip("this release of Flux reads no shapes")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    ours: list[Any] = [resources_of(text) for text in SHAPES]
    assert [json.dumps(one) for one in found] == [*map(json.dumps, ours), *["null"] * len(WRONG)]


def test_resources_take_the_place_of_other_fields() -> None:
    fields = {"command": "true", "resources": resources_of("slot=4/core=2")}
    jobspec = json.loads(build(fields, Defaults()).jobspec)
    assert jobspec["resources"] == fields["resources"]
    assert jobspec["tasks"][0]["count"] == {"per_slot": 1}
    with pytest.raises(ValidationFailed) as caught:
        build({**fields, "num_tasks": 2}, Defaults())
    assert caught.value.members["errors"][0]["pointer"] == "/num_tasks"
