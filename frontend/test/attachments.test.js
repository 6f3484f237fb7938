import assert from "node:assert/strict";
import { test } from "node:test";

import { filesOf, placeOf } from "../src/submit/attachments.js";
import { checkSaved } from "../src/submit/saved_job.js";

test("a command and a script name a file at the places where Flux puts it", () => {
  assert.equal(placeOf("command", "a b.csv"), "{{tmpdir}}/a b.csv");
  assert.equal(placeOf("script", "a b.csv"), '"$(dirname "$0")/a b.csv"');
});

test("a saved request needs the files that it had, and those that it names", () => {
  assert.deepEqual(filesOf({ job: { command: "cat {{tmpdir}}/a.csv {{tmpdir}}/script" }, files: ["b.csv", "a.csv"] }), ["b.csv", "a.csv"]);
  assert.deepEqual(filesOf({ job: { command: ["cat", "{{tmpdir}}/a.csv", "/tmp/b"] } }), ["a.csv"]);
  assert.deepEqual(filesOf({ job: { script: '#!/bin/sh\ncat "$(dirname "$0")/a.csv" $(dirname $0)/b.csv\n' } }), ["a.csv", "b.csv"]);
  assert.deepEqual(filesOf({ job: { jobspec: {} } }), []);
});

test("names of files that a stranger wrote are bounded texts", () => {
  const names = (/** @type {unknown} */ files) => checkSaved({ job: {}, files }).files;
  assert.deepEqual(names(["a", 1, null, "", "x".repeat(256)]), ["a"]);
  assert.equal(names("a"), undefined);
  assert.equal(names(Array.from({ length: 1000 }, (_, at) => `f${at}`))?.length, 50);
});
