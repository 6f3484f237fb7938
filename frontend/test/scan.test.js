import assert from "node:assert/strict";
import { test } from "node:test";

import { AROUND, MAX_KEPT, Scan, search } from "../src/job/scan.js";

/** @param {string[]} pieces */
function body(pieces) {
  const encoder = new TextEncoder();
  return new ReadableStream({
    start(it) {
      for (const piece of pieces) it.enqueue(encoder.encode(piece));
      it.close();
    },
  });
}

/** @param {string[]} pieces @param {string} query */
async function found(pieces, query) {
  const { scan } = await search(body(pieces), query, () => {});
  return scan.found.map(({ line, text, start, end }) => [line, text.slice(start, end)]);
}

test("a text is found in any line, across pieces and in any case", async () => {
  assert.deepEqual(await found(["a\nnee", "dle\nb\nNEEDLE x needle\n", "c needle"], "needle"), [
    [2, "needle"], [4, "NEEDLE"], [5, "needle"],
  ]);
  assert.deepEqual(await found(["a\n"], "a.c"), []);
});

test("it is found as a terminal shows it", async () => {
  const raw = "\x1b[31mred\x1b[0m wine\n10%\r100%\r\n\x1b]0;title\x07plain\n";
  assert.deepEqual(await found([raw], "red wine"), [[1, "red wine"]]);
  assert.deepEqual(await found([raw], "10%"), []);
  assert.deepEqual(await found([raw], "title"), []);
});

test("what is kept and what is read are bounded", async () => {
  const scan = new Scan("x");
  scan.push("x\n".repeat(1000));
  assert.deepEqual([scan.count, scan.lines, scan.found.length], [1000, 1000, MAX_KEPT]);
  const { bytes, isWhole } = await search(body(["x".repeat(10), "x".repeat(10), "y"]), "y", () => {}, 20);
  assert.deepEqual([bytes, isWhole], [20, false]);
  const long = new Scan("needle");
  const part = "-".repeat((1 << 20) - 3);
  long.push(`${part}nee`);
  long.push(`dle${part}`);
  long.push("needle\nneedle");
  long.end();
  assert.deepEqual(long.found.map(({ line }) => line), [1, 2]);
  assert.ok(long.found.every(({ text }) => text.length <= 400));
});

test("the lines around one that was found come with it", async () => {
  const text = Array.from({ length: 20 }, (_, at) => `line ${at + 1}\n`).join("");
  const { scan } = await search(body([text]), "line 10", () => {});
  const [{ before, after }] = /** @type {[import("../src/job/scan.js").Found]} */ (scan.found);
  assert.deepEqual(before, Array.from({ length: AROUND }, (_, at) => `line ${10 - AROUND + at}`));
  assert.deepEqual(after, Array.from({ length: AROUND }, (_, at) => `line ${11 + at}`));
  const many = new Scan("x");
  many.push("x\n".repeat(1000));
  assert.deepEqual(many.found.at(-1)?.after.length, AROUND);
  assert.deepEqual(many.found[0]?.before, []);
});
