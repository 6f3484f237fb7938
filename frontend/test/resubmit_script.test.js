import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { collect } from "../src/submit/form.js";
import { valuesOf } from "../src/submit/resubmit.js";

/** @typedef {import("../src/submit/form.js").Field} Field */

const KINDS = /** @type {Record<string, import("../src/submit/form.js").Kind>} */ ({
  command: "command", script: "whole", script_args: "list", num_slots: "integer", cores_per_slot: "integer",
  gpus_per_slot: "integer", num_nodes: "integer", exclusive: "flag", conf: "json", broker_opts: "list", dump: "text",
  output: "text", error: "text", label_io: "flag", name: "text", duration: "text", cwd: "text", shell_options: "tree",
  attributes: "tree", jobspec: "json",
});
const FIELDS = Object.entries(KINDS).map(([name, kind]) => /** @type {Field} */ ({ name, kind, section: "what" }));

/** Read by tests/model/test_batch.py, too. @type {{ case: string, fields: object, jobspec: Record<string, any> }[]} */
const CASES = JSON.parse(readFileSync(new URL("scripts.json", import.meta.url), "utf-8"));

/** @param {object} jobspec */
const again = (jobspec) => collect(FIELDS, valuesOf(jobspec, FIELDS)).job;

for (const { case: name, fields, jobspec } of CASES)
  test(`a batch job is its script: ${name}`, () => {
    assert.equal(valuesOf(jobspec, FIELDS)["what"], "script");
    assert.deepEqual(again(jobspec), fields);
  });

/** @type {[string, (jobspec: Record<string, any>) => void][]} */
const OTHERS = [
  ["another file", ({ attributes }) => (attributes.system.files.more = { data: "" })],
  ["a script of bytes", ({ attributes }) => (attributes.system.files.script.encoding = "base64")],
  ["a script that is no text", ({ attributes }) => (attributes.system.files.script.data = 1)],
  ["no script", ({ attributes }) => delete attributes.system.files],
  ["files that are none", ({ attributes }) => (attributes.system.files = "script")],
  ["output that is none", ({ attributes }) => (attributes.system.shell.options.output = null)],
  ["output of a mode", ({ attributes }) => (attributes.system.shell.options.output.mode = "append")],
  ["a broker for each core", ({ attributes }) => (attributes.system.shell.options["per-resource"].type = "core")],
  ["a configuration that the broker does not read", ({ attributes }) => (attributes.system.files["conf.json"] = { data: {} })],
];
for (const [name, change] of OTHERS)
  test(`what the fields cannot say is a whole jobspec: ${name}`, () => {
    const jobspec = structuredClone(CASES[0]?.jobspec ?? {});
    change(jobspec);
    assert.deepEqual(again(jobspec), { jobspec });
  });
