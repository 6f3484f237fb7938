import assert from "node:assert/strict";
import { test } from "node:test";

import { collect, fieldOf, hint, parse, request, Unreadable, write } from "../src/submit/form.js";

/** @typedef {import("../src/submit/form.js").Field} Field */
/** @typedef {import("../src/submit/form.js").Kind} Kind */

/** @param {string} name @param {Kind} kind @param {object} [more] @returns {Field} */
const field = (name, kind, more = {}) => ({ name, kind, section: "what", ...more });

const FIELDS = [
  field("command", "command"),
  field("num_tasks", "integer"),
  field("exclusive", "flag"),
  field("environment", "pairs"),
  field("constraints", "json"),
];

test("empty fields are omitted", () => {
  const { job, wrong } = collect(FIELDS, { command: "hostname", num_tasks: " ", exclusive: false, environment: "\n" });
  assert.deepEqual([job, wrong], [{ command: "hostname" }, []]);
});

test("an unreadable value is named by its field", () => {
  const { job, wrong } = collect(FIELDS, { command: "a", environment: "NOTHING", constraints: "{" });
  assert.deepEqual(job, { command: "a" });
  assert.deepEqual(wrong.map(({ pointer }) => pointer), ["/environment", "/constraints"]);
});

test("a number that is none is left to the service to refuse", () => {
  assert.equal(parse("integer", " 4 "), 4);
  assert.equal(parse("integer", "four"), "four");
  assert.equal(parse("integer", "9007199254740993"), "9007199254740993");
  assert.equal(parse("word", "hold"), "hold");
});

/** @type {[Kind, unknown][]} */
const VALUES = [
  ["pairs", { A: "b", EMPTY: "", EQUALS: "a=b", LINES: "a\nb\r\n", QUOTED: '"x"', OPEN: '"', SPACED: " a " }],
  ["pairs", { "odd\nname": "x", B: "y" }],
  ["pairs", { __proto__: null, __defineGetter__: "x" }],
  ["numbers", { core: -1, nofile: 1024 }],
  ["tree", { a: 1, b: "1", c: "text", d: { e: [null] }, f: "", g: true, h: '"q"', i: "two\nlines", "j.k": " 2" }],
  ["list", ["afterok:f1", { scheme: "after", value: "f2" }]],
  ["json", { properties: ["fast"] }],
  ["whole", " as it\n is "],
];

for (const [kind, value] of VALUES) {
  test(`${kind} ${JSON.stringify(value)} is written as text that is read as the same`, () => {
    assert.equal(JSON.stringify(parse(kind, write(kind, value))), JSON.stringify(value));
  });
}

test("a shell option without a value is set to 1, as flux submit has it", () => {
  assert.deepEqual(parse("tree", "verbose\nmpi=none"), { verbose: 1, mpi: "none" });
});

test("one name with two values is no map", () => {
  assert.throws(() => parse("pairs", "A=1\nA=2"), Unreadable);
});

test("hints say what the service will say", () => {
  const tasks = field("num_tasks", "integer", { low: 1, high: 9 });
  assert.equal(hint(tasks, "3"), "");
  assert.equal(hint(tasks, ""), "");
  assert.equal(hint(tasks, "0"), "Must be a whole number from 1 to 9.");
  const urgency = field("urgency", "word", { low: 0, high: 31, pattern: "^(hold|default)$" });
  assert.equal(hint(urgency, "31"), "");
  assert.equal(hint(urgency, "hold"), "");
  assert.equal(hint(urgency, "32"), "Must be a whole number from 0 to 31, or hold, default or expedite.");
  assert.equal(hint(urgency, "soon"), "Must be a whole number from 0 to 31, or hold, default or expedite.");
  assert.match(hint(field("constraints", "json"), "{"), /^Not JSON/);
  const limit = field("duration", "duration");
  assert.equal(hint(limit, "2:30:00"), "");
  assert.equal(hint(limit, "soon"), "Not a time limit: write 2h30m, 90m or 2:30:00, or a number of seconds.");
});

test("many jobs go to the bulk route", () => {
  const job = { command: "true" };
  assert.deepEqual(request(job, "one", {}), { path: "/v1/jobs", body: job });
  assert.deepEqual(request(job, "copies", { copies: "3" }), { path: "/v1/jobs/bulk", body: { job, copies: 3 } });
  assert.deepEqual(request(job, "cc", { cc: " 0-9" }), { path: "/v1/jobs/bulk", body: { job, cc: "0-9" } });
});

test("a pointer leads to its field", () => {
  assert.equal(fieldOf("/num_tasks", false), "num_tasks");
  assert.equal(fieldOf("/job/environment/A~1B", true), "environment");
  assert.equal(fieldOf("/cc", true), "cc");
  assert.equal(fieldOf("", false), "");
});

test("an open quote is told while the command is typed", () => {
  const command = field("command", "command");
  assert.equal(hint(command, "sh -c 'echo"), "The quote ' is not closed.");
  assert.equal(hint(command, "sh -c 'echo'"), "");
  assert.match(hint(command, "echo \\"), /has no character after it/);
});
