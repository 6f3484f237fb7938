import assert from "node:assert/strict";
import { test } from "node:test";

import { start, suggestions, Values } from "../src/table/completion.js";
import { joined, meantKey, parse, print, problem, tokens } from "../src/table/filter_query.js";
import { read, test as filter, write } from "../src/table/filters.js";
import { row } from "../src/table/rows.js";

/** @param {string} id @param {object} [more] */
const job = (id, more = {}) => row({ id, revision: 1, state: "RUN", status: "RUN", t_submit: 1, ...more });

test("a query is filters and words", () => {
  assert.deepEqual(parse("state:failed name:train* node:tuolumne1003 since:2h out of memory"), {
    filters: { state: "failed", name: "train*", node: "tuolumne1003", since: "2h", text: "out of memory" },
    wrong: [],
  });
});

test("keys have no case, states neither, and unknown keys are words", () => {
  assert.deepEqual(parse("State:FAILED exec: no:such").filters, { state: "failed", text: "exec: no:such" });
});

test("a value with spaces stands in quotes", () => {
  const [token] = tokens('name:"my \\"big\\" job" x');
  assert.deepEqual(token, { key: "name", value: 'my "big" job' });
  assert.deepEqual(parse('name:"not closed').filters, { name: "not closed" });
});

test("states add up, anything else is replaced", () => {
  assert.deepEqual(parse("state:failed state:timeout,failed user:a user:b").filters, { state: "failed,timeout", user: "b" });
  assert.deepEqual(joined({ state: "RUNNING" }, { key: "state", value: "Failed" }), { state: "running,failed" });
});

test("a filter that makes no sense is told and not applied", () => {
  assert.deepEqual(parse("state:nosuch since:soon ok").wrong, [{ key: "state", value: "nosuch" }, { key: "since", value: "soon" }]);
  assert.equal(problem({ key: "name", value: "x".repeat(1025) }), "tooLong");
  assert.equal(problem({ key: "result", value: "pending" }), "result");
  assert.equal(problem({ key: "state", value: "," }), "state");
});

test("printed filters parse to the same filters, also from the address", () => {
  for (const filters of [
    {}, { text: "a b" }, { state: "failed,timeout", name: 'a "b" \\ c', user: "ada", since: "1d12h", until: "2026-11-20T08:30" },
    { queue: "batch", group: "sweep", node: "n[1", text: "x:y" },
  ]) {
    assert.deepEqual(parse(print(filters)), { filters, wrong: [] });
    assert.deepEqual(read(new URLSearchParams(write(filters, { key: "name", down: true }))), filters);
  }
});

test("an address is read easily", () => {
  assert.equal(write({ state: "running,failed", name: "train*", since: "2h" }, { key: "id", down: true }), "state=running,failed&name=train*&since=2h");
});

test("a result is a word for a state", () => {
  assert.deepEqual(read(new URLSearchParams("result=FAILED,TIMEOUT")), { state: "failed,timeout" });
  assert.deepEqual(read(new URLSearchParams("state=INACTIVE&result=FAILED")), { state: "INACTIVE", result: "FAILED" });
  const passes = filter({ state: "running,failed" });
  const [run, failed, done] = [job("f1"), job("f2", { state: "INACTIVE", result: "FAILED" }), job("f3", { state: "INACTIVE", result: "COMPLETED" })];
  assert.deepEqual([run, failed, done].map((it) => passes?.(it)), [true, true, false]);
});

test("a name with stars is a pattern", () => {
  const it = job("f1", { name: "pre-train-07" });
  const matches = (/** @type {string} */ name) => filter({ name })?.(it);
  assert.deepEqual(["*train*", "pre*7", "*", "train*", "*train", "pre**07", "pre-train-07*07", "*-*-*"].map(matches),
    [true, true, true, false, false, true, false, true]);
});

test("a time filters by the submission", () => {
  const [old, young] = [job("f1", { t_submit: 1000 }), job("f2", { t_submit: 9000 })];
  const shown = (/** @type {Record<string, string>} */ filters) => [old, young].filter(filter(filters, undefined, 10_000) ?? (() => true)).map(({ id }) => id);
  assert.deepEqual([shown({ since: "1h" }), shown({ until: "1h" }), shown({ since: "1000", until: "9000" })], [["f2"], ["f1"], ["f1"]]);
});

test("jobs that ended since then, and held ones", () => {
  const [old, young] = [1000, 9000].map((t_inactive) => job(`f${t_inactive}`, { state: "INACTIVE", urgency: 0, t_inactive }));
  const [held, waiting, running] = [job("f1", { state: "SCHED", urgency: 0 }), job("f2", { state: "SCHED", urgency: 16 }), job("f3", { urgency: 0 })];
  const all = [old, young, held, waiting, running];
  const shown = (/** @type {Record<string, string>} */ filters) => all.filter((it) => it && filter(filters, undefined, 10_000)?.(it)).map((it) => it?.id);
  assert.deepEqual(shown({ ended: "1h" }), ["f9000"]);
  // A day is that day, not all since.
  assert.deepEqual(shown({ ended: "1970-01-01" }), ["f1000", "f9000"]);
  assert.deepEqual(shown({ ended: "1969-12-31" }), []);
  assert.deepEqual(shown({ held: "yes" }), ["f1"]);
  assert.deepEqual(shown({ held: "No" }), ["f1000", "f9000", "f2", "f3"]);
  assert.deepEqual([problem({ key: "held", value: "maybe" }), problem({ key: "ended", value: "soon" })], ["held", "time"]);
});

test("a key without a value is told, and not searched for", () => {
  assert.deepEqual(parse("group: ok"), { filters: { text: "ok" }, wrong: [{ key: "group", value: "" }] });
  assert.equal(problem({ key: "group", value: "" }), "empty");
});

const rows = [
  ...Array.from({ length: 12 }, (_, index) => job(`f${index}`, { name: `sweep-${index}`, username: "ada", queue: "batch", nodelist: "n[1-2]" })),
  job("g1", { name: "other", username: "bob", state: "INACTIVE", result: "FAILED", nodelist: "n2", group: "g2", group_name: "my group" }),
];
const values = new Values(() => rows, () => 0);
const texts = (/** @type {string} */ word, filters = {}) => suggestions(word, values, filters).map(({ text }) => text);

test("nothing written: keys that are not set", () => {
  assert.deepEqual(texts("", { name: "x", since: "2h" }), ["state:", "user:", "queue:", "group:", "node:", "until:", "ended:", "held:"]);
});

test("a beginning of a key or of a value", () => {
  assert.deepEqual(texts("na"), ["name:"]);
  assert.deepEqual(texts("fa"), ["state:failed"]);
  assert.deepEqual(texts("a"), ["state:active", "user:ada"]);
});

test("values are those of most jobs first, and a number at the end of names is a star", () => {
  assert.equal(texts("name:")[0], "name:sweep-*");
  assert.deepEqual(texts("node:n"), ["node:n2", "node:n1"]);
  assert.deepEqual(texts("group:my"), ['group:"my group"']);
  assert.deepEqual(texts('group:"my g'), ['group:"my group"']);
  assert.deepEqual(texts("user:B"), ["user:bob"]);
  assert.deepEqual(texts("user:x"), []);
});

test("values are counted where no other filter leaves some of their jobs out", () => {
  const counts = (/** @type {Record<string, string>} */ filters) => suggestions("state:failed", values, filters).map(({ count }) => count);
  assert.deepEqual(counts({}), [1]);
  assert.deepEqual(counts({ text: "st" }), [1]);
  assert.deepEqual(counts({ name: "x" }), [undefined]);
  assert.deepEqual(counts({ text: "other" }), [undefined]);
});

test("several states are completed one by one", () => {
  assert.deepEqual(texts("state:failed,ru"), ["state:failed,running", "state:failed,run"]);
  assert.deepEqual(texts("state:failed,fa"), []);
});

test("suggestions are bounded, whatever the table has", () => {
  const many = new Values(function* () {
    for (let index = 0; index < 50_000; index++) yield job(`f${index}`, { name: `n${index}x`, nodelist: `n[${index}-${index + 50}]` });
  });
  assert.ok(many.of("name").length <= 2000);
  assert.ok(many.of("node").length <= 2000);
  assert.equal(suggestions("name:n", many, {}).length, 8);
});

test("values that were counted beforehand are not counted again when they are asked for", async () => {
  let reads = 0;
  const read = new Values(() => (reads++, rows), () => 0);
  await read.prepare("name:sw", () => false);
  assert.equal(reads, 1);
  assert.equal(suggestions("name:sw", read, {})[0]?.text, "name:sweep-*");
  await read.prepare("fa", () => false);
  const before = reads;
  assert.deepEqual(suggestions("fa", read, {}).map(({ text }) => text), ["state:failed"]);
  assert.equal(reads, before);
  // Of a word that is no more, nothing is counted to the end.
  const left = new Values(() => Array.from({ length: 50_000 }, (_, index) => rows[index % rows.length] ?? job("x")), () => 0);
  let asked = 0;
  await left.prepare("name:sw", () => ++asked > 0);
});

test("the word at the caret", () => {
  assert.deepEqual(['a state:fa', 'a name:"b c', "a ", "", 'x name:"b" st'].map((text) => text.slice(start(text))), ["state:fa", 'name:"b c', "", "", "st"]);
});

test("a mistyped key is known for the one that is meant", () => {
  const meant = /** @type {const} */ ({ "stat:failed": "state", "states:failed": "state", "nmae:x": "name", "Node:n1": "node", "quexe:batch": "queue", "unti:2h": "until" });
  for (const [word, key] of Object.entries(meant)) assert.equal(meantKey(word), key, word);
  for (const word of ["stat", "stat:", "https://example.org", "a:b", "epoch:17", `${"state".repeat(9)}:x`, "--name:x"]) assert.equal(meantKey(word), undefined, word);
});
