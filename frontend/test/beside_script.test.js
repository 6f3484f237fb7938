import assert from "node:assert/strict";
import { test } from "node:test";

import { besideScript, winners } from "../src/submit/beside_script.js";

const KINDS = /** @type {Record<string, import("../src/submit/form.js").Kind>} */ ({
  script: "whole", num_slots: "integer", cores_per_slot: "integer", num_nodes: "integer", exclusive: "flag", name: "text", output: "text",
  duration: "duration", dependencies: "list", environment: "pairs", queue: "text",
});
const FIELDS = Object.entries(KINDS).map(([name, kind]) => /** @type {import("../src/submit/form.js").Field} */ ({ name, kind, section: "what" }));
const script = "#!/bin/sh\n";

test("a job leaves to its script what the script says, and what is usual", () => {
  const values = { what: "script", script, num_slots: "2", cores_per_slot: "1", name: "batch", output: "kvs", duration: "1h", queue: "debug" };
  const left = besideScript(values, FIELDS, { num_slots: 2, duration: 3600, queue: "batch" });
  assert.deepEqual(left, { what: "script", script, output: "kvs", queue: "debug" });
});

test("whole nodes of the script stay whole, and others are kept as they were", () => {
  const whole = { script, num_nodes: "2", num_slots: "2", exclusive: true };
  assert.deepEqual(besideScript(whole, FIELDS, { num_nodes: 2 }), { script });
  const shared = { script, num_nodes: "2", num_slots: "2" };
  assert.deepEqual(besideScript(shared, FIELDS, { num_nodes: 2 }), { script, num_slots: "2" });
  const more = { script, num_nodes: "3", num_slots: "3", exclusive: true };
  assert.deepEqual(besideScript(more, FIELDS, { num_nodes: 2 }), more);
});

test("a list does not get the items of the script twice", () => {
  const values = { script, dependencies: "afterok:f1\nafterok:f2" };
  assert.deepEqual(besideScript(values, FIELDS, { dependencies: ["afterok:f1"] }), { script, dependencies: "afterok:f2" });
  assert.deepEqual(besideScript(values, FIELDS, { dependencies: ["afterany:f1"] }), values);
});

test("a field wins over a line that says something else", () => {
  const given = { num_slots: 2, duration: 3600, name: "mine", environment: { A: "1" }, exclusive: true };
  const values = { script, num_slots: "2", duration: "30m", name: " ", environment: "A=2", exclusive: false };
  assert.deepEqual(winners(values, FIELDS, given).map(({ name }) => name), ["duration"]);
  assert.deepEqual(winners({ ...values, duration: "60m" }, FIELDS, given), []);
});
