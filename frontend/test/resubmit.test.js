import assert from "node:assert/strict";
import { test } from "node:test";

import { collect } from "../src/submit/form.js";
import { besides, valuesOf } from "../src/submit/resubmit.js";

/** @typedef {import("../src/submit/form.js").Field} Field */

const KINDS = /** @type {Record<string, import("../src/submit/form.js").Kind>} */ ({
  command: "command", num_tasks: "integer", cores_per_task: "integer", gpus_per_task: "integer", num_nodes: "integer",
  exclusive: "flag", duration: "text", name: "text", queue: "text", cwd: "text", bank: "text", environment: "pairs",
  env_expand: "pairs", rlimits: "numbers", shell_options: "tree", attributes: "tree", dependencies: "list",
  constraints: "json", stdin: "whole", jobspec: "json",
});
const FIELDS = Object.entries(KINDS).map(([name, kind]) => /** @type {Field} */ ({ name, kind, section: "what" }));

/** Return the request of the form for a job like this one. @param {object} jobspec */
const again = (jobspec) => collect(FIELDS, valuesOf(jobspec, FIELDS)).job;

const core = { type: "core", count: 1 };
const slot = { type: "slot", count: 1, with: [core], label: "task" };
/** @param {object} [more] @param {object} [system] */
const jobspec = (more, system) => ({
  resources: [slot],
  tasks: [{ command: ["echo", "it's", ""], slot: "task", count: { per_slot: 1 } }],
  attributes: { system: { duration: 0, ...system } },
  version: 1,
  ...more,
});

test("a job of many keeps its number", () => {
  const numbered = (/** @type {unknown} */ cc) => jobspec({ attributes: { system: { duration: 0 }, user: { fluxapi: { cc, key: "k" } } } });
  assert.deepEqual(again(numbered("7"))["environment"], { FLUX_JOB_CC: "7" });
  for (const other of [7, "-1", "7 8", "7".repeat(21), { a: 1 }]) assert.equal(again(numbered(other))["environment"], undefined);
});

test("a plain job is its command", () => {
  assert.deepEqual(again(jobspec()), { command: String.raw`echo 'it'\''s' ''` });
});

test("the mark of the service is another job's", () => {
  const given = jobspec({ attributes: { system: { duration: 0 }, user: { fluxapi: { key: "k" }, mine: 1 } } });
  assert.deepEqual(again(given)["attributes"], { user: { mine: 1 } });
});

test("known attributes get a field, the others stay attributes", () => {
  const system = {
    duration: 90.5, cwd: "/tmp", queue: "batch", environment: { A: "b\nc" }, job: { name: "x" },
    shell: { options: { rlimit: { core: -1 }, "env-expand": { B: "{{id}}" }, verbose: 1 }, verbose: 2 },
    dependencies: [{ scheme: "afterok", value: "f1" }], constraints: { properties: ["a"] }, other: [1],
  };
  const { command: _command, ...rest } = again(jobspec({}, system));
  assert.deepEqual(rest, {
    duration: "90.5", cwd: "/tmp", queue: "batch", environment: { A: "b\nc" }, name: "x", rlimits: { core: -1 },
    env_expand: { B: "{{id}}" }, shell_options: { verbose: 1 }, dependencies: [{ scheme: "afterok", value: "f1" }],
    constraints: { properties: ["a"] }, attributes: { "system.shell": { verbose: 2 }, "system.other": [1] },
  });
});

test("a dot inside a value stays where it is", () => {
  const options = { output: { "a.b": 1 } };
  const given = jobspec({ attributes: { system: { duration: 0, shell: { options } }, user: { "c.d": 2 } } });
  const { shell_options, attributes } = again(given);
  assert.deepEqual([shell_options, attributes], [options, { user: { "c.d": 2 } }]);
});

test("nodes and tasks are read from the resources", () => {
  const node = { type: "node", count: 2, exclusive: true, with: [{ ...slot, count: 2, with: [{ ...core, count: 3 }, { type: "gpu", count: 1 }] }] };
  const tasks = [{ command: ["a"], slot: "task", count: { total: 3 } }];
  assert.deepEqual(again(jobspec({ resources: [node], tasks })), {
    command: "a", num_tasks: 3, cores_per_task: 3, gpus_per_task: 1, num_nodes: 2, exclusive: true,
  });
});

test("standard input comes back out of its wrapping", () => {
  const command = ["/bin/sh", "-c", 'exec "$0" "$@" <"$FLUX_JOB_TMPDIR/stdin"', "cat"];
  const files = { stdin: { mode: 33152, encoding: "utf-8", data: "a\nb\n" } };
  const given = jobspec({ tasks: [{ command, slot: "task", count: { per_slot: 1 } }] }, { files, job: { name: "cat" } });
  assert.deepEqual(again(given), { command: "cat", stdin: "a\nb\n", name: "cat" });
});

test("a file in place of standard input that is no text leaves the whole jobspec", () => {
  const command = ["/bin/sh", "-c", 'exec "$0" "$@" <"$FLUX_JOB_TMPDIR/stdin"', "cat"];
  const files = { stdin: { mode: 33152, encoding: "utf-8", data: { a: 1 } } };
  const given = jobspec({ tasks: [{ command, slot: "task", count: { per_slot: 1 } }] }, { files });
  assert.deepEqual(again(given), { jobspec: given });
});

const STRANGE = {
  "two commands": { tasks: [1, 2].map(() => ({ command: ["a"], slot: "task", count: { per_slot: 1 } })) },
  "slots that hold nodes": { resources: [{ ...slot, with: [{ type: "node", count: 1, with: [core] }] }] },
  "several tasks on a slot": { tasks: [{ command: ["a"], slot: "task", count: { per_slot: 2 } }] },
  "a name that the form would cut": { attributes: { system: { duration: 0, cwd: "/a", "a.b": 1 } } },
  "an option that the form would cut": { attributes: { system: { duration: 0, shell: { options: { "a.b": 1 } } } } },
};

for (const [what, more] of Object.entries(STRANGE)) {
  test(`${what}: the whole jobspec is kept`, () => {
    const given = jobspec(more);
    assert.deepEqual(again(given), { jobspec: given });
  });
}

test("urgency and flags come from the submit event", () => {
  const event = (/** @type {number} */ urgency, /** @type {number} */ flags) => [{ name: "submit", context: { urgency, flags } }];
  assert.deepEqual(besides(event(16, 0)), {});
  assert.deepEqual(besides(event(0, 6)), { urgency: "0", debug: true, waitable: true });
  assert.deepEqual(besides([]), {});
  const released = { name: "urgency", context: { userid: 1, urgency: 16 } };
  assert.deepEqual(besides([...event(0, 0), released]), {}, "a job that was released is not held again");
  assert.deepEqual(besides([...event(5, 0), released]), { urgency: "5" });
});
