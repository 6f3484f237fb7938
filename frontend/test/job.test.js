import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { PLAIN } from "../src/job/ansi.js";
import { details, Eventlog, exceptions, MAX_ENTRIES } from "../src/job/eventlog.js";
import { facts, granted } from "../src/job/facts.js";
import { outcome } from "../src/ui/outcome.js";
import { contrast, look } from "../src/job/palette.js";
import { cut, find, MAX_HITS } from "../src/job/search.js";
import { lasting, steps } from "../src/job/timeline.js";

const CASES = JSON.parse(readFileSync(new URL("outcomes.json", import.meta.url), "utf8"));
for (const [said, record] of CASES) {
  test(`in plain words: ${JSON.stringify(record)}`, () => assert.equal(outcome(record), said));
}

test("a state lasts until the next one, the last one until now", () => {
  assert.deepEqual(
    steps({ t_submit: 10, t_depend: 10, t_run: 12.5 }, 20).map(({ state, lasted, goesOn }) => [state, lasted, goesOn]),
    [["NEW", 0, false], ["DEPEND", 2.5, false], ["RUN", 7.5, true]],
  );
});

test("what is short is told in milliseconds", () => {
  assert.deepEqual([0, 0.0074, 0.25, 1, 90].map(lasting), ["0ms", "7ms", "250ms", "1.0s", "1m 30s"]);
});

test("an inactive job does not go on", () => {
  const [, last] = steps({ t_submit: 10, t_inactive: 12 }, 20);
  assert.deepEqual([last?.state, last?.lasted, last?.goesOn], ["INACTIVE", 0, false]);
});

/** @param {number | undefined} index */
const event = (index) => ({ name: "e", timestamp: 1, ...(index === undefined ? {} : { index }) });

test("each event is taken once, however often it comes", () => {
  const log = new Eventlog();
  log.fill([event(0), event(1)], 0);
  assert.deepEqual([log.take(event(1)), log.take(event(2)), log.take(event(2))], [true, true, true]);
  assert.deepEqual(log.entries.map((entry) => entry.index), [0, 1, 2]);
});

test("a gap is noticed", () => {
  const log = new Eventlog();
  log.fill([event(0)], 0);
  assert.equal(log.take(event(2)), false);
  assert.equal(log.entries.length, 1);
});

test("an event without index is shown where it came, once", () => {
  const log = new Eventlog();
  log.fill([event(0)], 0);
  const memo = { name: "memo", timestamp: 2 };
  for (const entry of [memo, event(1), { ...memo }, { ...memo, timestamp: 3 }]) log.take(entry);
  assert.deepEqual(log.entries.map((entry) => entry.index ?? entry.timestamp), [0, 2, 1, 3]);
});

test("memos of the eventlog have no index", () => {
  const log = new Eventlog();
  log.fill([event(undefined), { name: "memo", timestamp: 2 }], 0);
  assert.equal(log.next, 1);
  assert.equal(log.take(event(1)), true);
});

test("of very many events the last are kept, and the others counted", () => {
  const log = new Eventlog();
  log.fill(Array.from({ length: MAX_ENTRIES }, () => event(undefined)), 5, MAX_ENTRIES + 5);
  for (let n = 0; n < 10; n++) log.take(event(log.next));
  assert.deepEqual([log.entries.length, log.skipped, log.next], [MAX_ENTRIES, 15, MAX_ENTRIES + 15]);
});

test("details are as Flux writes them, and bounded", () => {
  assert.equal(details({ userid: 1000, note: 'say "x"', R: { a: [1] } }), 'userid=1000 note="say \\"x\\"" R={"a":[1]}');
  assert.equal(details(undefined), "");
  assert.ok(details({ long: "x".repeat(100_000) }).length < 2010);
});

test("exceptions come from the eventlog, else from the record", () => {
  const record = { exception: { occurred: true, type: "cancel", severity: 0, note: "why" } };
  assert.deepEqual(exceptions(record, []), [{ type: "cancel", note: "why", severity: 0 }]);
  const entries = [{ name: "exception", timestamp: 1, context: { type: "alloc", severity: 1 } }];
  assert.deepEqual(exceptions(record, entries), [{ type: "alloc", note: "", severity: 1 }]);
  assert.deepEqual(exceptions({ exception: { occurred: false } }, []), []);
});

test("only what is set is a fact", () => {
  const said = Object.fromEntries(facts({ username: "alice", urgency: 0, duration: 0, ntasks: 4, queue: "" }));
  assert.deepEqual(said, { User: "alice", Urgency: "0 (held)", "Time limit": "none", Tasks: "4" });
});

test("R has a line for each of its entries, and what is no R has none", () => {
  const R = { execution: { R_lite: [{ rank: "0-1", children: { core: "0-3" } }] } };
  assert.deepEqual(granted(R), [["0-1", "4 (core 0-3)", ""]]);
  const one = { execution: { R_lite: [{ rank: "2", children: { core: "0", gpu: "1,3" } }] } };
  assert.deepEqual(granted(one), [["2", "1 (core 0)", "2 (gpu 1,3)"]]);
  for (const none of [null, {}, { execution: { R_lite: 3 } }]) assert.deepEqual(granted(none), []);
});

const LINES = [{ number: 7, text: "One error." }, { number: 8, text: "ERROR error (x" }];

test("a text is found in any case, and is no pattern", () => {
  assert.deepEqual(find(LINES, "error").map(({ number, start, end }) => [number, start, end]), [[7, 4, 9], [8, 0, 5], [8, 6, 11]]);
  assert.equal(find(LINES, "(x").length, 1);
  assert.equal(find(LINES, ".*").length, 0);
  assert.equal(find(LINES, "").length, 0);
});

test("very many finds are cut short", () => {
  assert.equal(find([{ number: 0, text: "x".repeat(2 * MAX_HITS) }], "x").length, MAX_HITS);
});

test("spans are cut at what was found", () => {
  const spans = [{ text: "abc", style: 1 }, { text: "def", style: 2 }];
  assert.deepEqual(
    cut(spans, [{ start: 1, end: 4 }, { start: 5, end: 6 }]).map(({ text, style, hit }) => [text, style, hit]),
    [["a", 1, undefined], ["bc", 1, 0], ["d", 2, 0], ["e", 2, undefined], ["f", 2, 1]],
  );
  assert.deepEqual(cut(spans, []).map(({ text }) => text), ["abc", "def"]);
});

test("a palette color is the theme's, any other is adapted", () => {
  assert.deepEqual(look({ ...PLAIN, fg: 1, bold: true }), { className: "t-bold t-1", color: "", background: "", shade: "" });
  assert.deepEqual(look({ ...PLAIN, fg: [1, 2, 3] }), { className: "t-shade", color: "", background: "", shade: "rgb(1 2 3)" });
});

test("on a ground of its own a text can be read", () => {
  for (let bg = 0; bg < 16; bg++) {
    for (const fg of [undefined, bg, 0, 15]) {
      const { color, background } = look({ ...PLAIN, bg, fg });
      const [a, b] = [color, background].map((text) => /** @type {any} */ (text.match(/\d+/g)?.map(Number)));
      assert.ok(contrast(a, b) >= 4.5, `${color} on ${background}`);
    }
  }
});
