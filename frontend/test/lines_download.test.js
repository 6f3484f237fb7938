/** The text of chosen lines, asked for page by page. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { nameOf, textOf } from "../src/job/lines_download.js";

const { signal } = new AbortController();
const MOST = 5000;

/** Answer as the service does for an output of so many lines. @param {number} total @param {Record<string, any>} [more] */
function service(total, more = {}) {
  /** @type {Record<string, any>[]} */
  const asked = [];
  /** @param {string} _job @param {string} _what @param {Record<string, any>} query @param {AbortSignal} _signal @param {(item: any) => void} take */
  const ask = async (_job, _what, query, _signal, take) => {
    asked.push(query);
    const { first, count } = query;
    assert.ok(count <= MOST);
    const last = Math.min(first + count - 1, total);
    for (let line = first; line <= last; line++) take({ type: "line", line, text: `line ${line}`, ...more });
    return { type: "end", reason: last - first + 1 < count ? "end" : "count", line: last };
  };
  return { asked, ask };
}

test("all chosen lines are asked for, page by page", async () => {
  const { asked, ask } = service(20_000);
  const found = await textOf("f1", { source: 2, first: 7, last: 12_000 }, { stream: "stderr" }, signal, ask);
  assert.equal(found.count, 11_994);
  assert.deepEqual(found.text.split("\n").slice(0, 2), ["line 7", "line 8"]);
  assert.ok(found.text.endsWith("line 12000\n"));
  assert.deepEqual(asked.map(({ first, count }) => [first, count]), [[7, MOST], [5007, MOST], [10_007, 1994]]);
  assert.deepEqual(asked[0], { stream: "stderr", source: 2, first: 7, count: MOST });
  assert.ok(found.isWhole && !found.isCut);
});

test("the end of the output ends the file", async () => {
  const { asked, ask } = service(10);
  const found = await textOf("f1", { source: 0, first: 9, last: 999_999 }, {}, signal, ask);
  assert.equal(found.text, "line 9\nline 10\n");
  assert.equal(asked.length, 1);
});

test("a line that is cut is told, and a file that is full", async () => {
  const text = "x".repeat(16 << 20);
  const { ask } = service(10, { text, left_out: 5 });
  const found = await textOf("f1", { source: 0, first: 1, last: 10 }, {}, signal, ask);
  assert.deepEqual([found.count, found.isCut, found.isWhole], [3, true, false]);
});

test("the file is named for its lines", () => {
  assert.equal(nameOf("f1", { source: 0, first: 3, last: 3 }), "f1.3.txt");
  assert.equal(nameOf("f1", { source: 2, first: 3, last: 70 }), "f1.file2.3-70.txt");
});
