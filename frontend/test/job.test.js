import assert from "node:assert/strict";
import { test } from "node:test";

import { PLAIN } from "../src/job/ansi.js";
import { contrast, look } from "../src/job/palette.js";
import { cut, find, MAX_HITS } from "../src/job/search.js";

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
