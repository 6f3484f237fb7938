import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { LinePage } from "../src/job/line_page.js";
import { Terminal } from "../src/job/output_lines.js";

Object.assign(globalThis, { document: { body: { dataset: {} } }, location: { origin: "http://flux.test", pathname: "/ui/jobs/f1" } });

test("a page that begins with the end of the output keeps all pieces of a long line", () => {
  const terminal = new Terminal();
  terminal.take({ stream: "stdout", rank: "0", data: `first\n${"x".repeat(10_000)}\nlast\n` });
  const page = new LinePage("f1", 0, { stream: "", task: undefined }, () => {});
  page.take(terminal.lines, ({ ended }) => ended || undefined);
  assert.equal(page.lines.map(({ text }) => text).join("").length, "first".length + 10_000 + "last".length);
  assert.equal(new Set(page.lines.map(({ number }) => number)).size, page.lines.length);
  assert.deepEqual(page.lines.map(({ fixed }) => fixed), [1, 2, undefined, undefined, 3]);
  assert.deepEqual([page.first, page.last], [1, 3]);
});

test("a line that the history has left out is not kept", () => {
  const page = new LinePage("f1", 0, { stream: "", task: undefined }, () => {});
  page.isBegin = page.isEnd = true;
  assert.deepEqual([page.isWhole, page.absent(30)], [true, "The output has no line 30."]);
  page.omitted = { bytes: 100, at_least: false, after: 10, lines: 5 };
  assert.deepEqual([10, 11, 15, 16].map((line) => page.absent(line).includes("not kept")), [false, true, true, false]);
  page.omitted = { bytes: 100, at_least: true, after: 10 };
  assert.deepEqual([page.isWhole, page.absent(30)], [false, "Line 30 is not kept."]);
});

test("the time of a line does not grow with the square of its carriage returns", async () => {
  const returns = "\r".repeat(100_000);
  const items = [{ line: 1, text: `${returns}x${returns}` }, { line: 2, text: `10%\r20%${returns}` }, { line: 3, text: returns }];
  const answer = [...items.map((item) => ({ type: "line", source: 0, index: 1, ...item })), { type: "end", reason: "end" }];
  mock.method(globalThis, "fetch", async () => new Response(answer.map((item) => `${JSON.stringify(item)}\n`).join("")));
  const page = new LinePage("f1", 0, { stream: "", task: undefined }, () => {});
  const { user: before } = process.cpuUsage();
  await page.later();
  // Milliseconds; they were some ten seconds.
  assert.ok((process.cpuUsage().user - before) / 1000 < 2000);
  mock.restoreAll();
  assert.deepEqual(page.lines.map(({ text }) => text), ["x", "20%", ""]);
});
