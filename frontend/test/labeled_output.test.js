import assert from "node:assert/strict";
import { test } from "node:test";

import { Blocks, MAX_CHARACTERS, MAX_JOBS } from "../src/job/labeled_output.js";

/** @param {string} id @param {string} data @param {string} [stream] */
const entry = (id, data, stream = "stdout") => `${JSON.stringify({ id, timestamp: 1, name: "data", context: { stream, rank: "0", data } })}\n`;

/** @param {Blocks} blocks */
const shown = ({ all }) => all.map(({ id, terminal }) => [id, terminal.lines.map(({ stream, text }) => `${stream}: ${text}`)]);

test("entries are put together by their job, wherever the pieces end", () => {
  const blocks = new Blocks();
  const text = entry("f2", "one\ntw") + entry("f2", "o\n") + entry("f3", "a: b\n") + entry("f3", "oh\n", "stderr");
  for (let at = 0; at < text.length; at += 7) blocks.take(text.slice(at, at + 7));
  assert.deepEqual(shown(blocks), [["f2", ["stdout: one", "stdout: two"]], ["f3", ["stdout: a: b", "stderr: oh"]]]);
  assert.ok(!blocks.isFull);
});

test("messages of the job shell and a search that was cut are notes", () => {
  const blocks = new Blocks();
  blocks.take('{"id":"f2","timestamp":1,"name":"log","context":{"level":2,"message":"no room"}}\n');
  blocks.take('{"id":"f2","name":"cut","context":{"searched":268435456}}\n');
  assert.deepEqual(shown(blocks), [["f2", ["note: flux-shell: FATAL: no room", "note: Only the last 268 MB of the output were searched."]]]);
});

test("a page shows so many characters and jobs", () => {
  const many = new Blocks();
  for (let job = 0; job <= MAX_JOBS; job++) many.take(entry(`f${"1".repeat((job % 9) + 1)}${job % 2 ? "A" : "B"}`, "x\n"));
  assert.equal(many.all.length, MAX_JOBS);
  assert.ok(many.isFull);
  const long = new Blocks();
  long.take(entry("f2", "x".repeat(MAX_CHARACTERS + 1000)));
  assert.deepEqual([long.all.length, long.isFull], [0, true]);
  const endless = new Blocks();
  endless.take("x".repeat(MAX_CHARACTERS + 1));
  assert.ok(endless.isFull);
});
