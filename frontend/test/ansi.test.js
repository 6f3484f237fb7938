import assert from "node:assert/strict";
import { test } from "node:test";

import { Ansi, PLAIN } from "../src/job/ansi.js";

/**
 * Read pieces; return texts with the special parts of their style, "\n" and "\r" as they are.
 * @param {...string} pieces
 */
function read(...pieces) {
  /** @type {any[]} */
  const seen = [];
  const ansi = new Ansi();
  const sink = {
    text: (/** @type {string} */ text, /** @type {any} */ style) => {
      const special = Object.entries(style).filter(([key, value]) => value !== PLAIN[/** @type {"fg"} */ (key)]);
      seen.push(special.length ? [text, Object.fromEntries(special)] : text);
    },
    newline: () => seen.push("\n"),
    home: () => seen.push("\r"),
  };
  for (const piece of pieces) ansi.write(piece, sink);
  return seen;
}

/** @param {...string} pieces */
const text = (...pieces) => read(...pieces).map((part) => (Array.isArray(part) ? part[0] : part)).join("");

test("colors and weights are kept, and end where they are told to", () => {
  assert.deepEqual(read("a\x1b[1;31mb\x1b[0mc"), ["a", ["b", { fg: 1, bold: true }], "c"]);
  assert.deepEqual(read("\x1b[97;104mx\x1b[39;49my"), [["x", { fg: 15, bg: 12 }], "y"]);
  assert.deepEqual(read("\x1b[3;4;9mx\x1b[23;24;29my"), [["x", { italic: true, underline: true, strike: true }], "y"]);
  assert.deepEqual(read("\x1b[7mx\x1b[my"), [["x", { inverse: true }], "y"]);
});

test("a palette of 256 and all colors are understood, in both spellings", () => {
  assert.deepEqual(read("\x1b[38;5;9mx"), [["x", { fg: 9 }]]);
  assert.deepEqual(read("\x1b[38;5;196mx"), [["x", { fg: [255, 0, 0] }]]);
  assert.deepEqual(read("\x1b[48;5;232mx"), [["x", { bg: [8, 8, 8] }]]);
  assert.deepEqual(read("\x1b[38;2;1;2;3mx"), [["x", { fg: [1, 2, 3] }]]);
  assert.deepEqual(read("\x1b[38:2::1:2:3mx"), [["x", { fg: [1, 2, 3] }]]);
  assert.deepEqual(read("\x1b[38:5:9mx"), [["x", { fg: 9 }]]);
});

test("values after an invalid color are no codes of their own", () => {
  assert.deepEqual(read("\x1b[58;2;1;2;3mx"), ["x"]);
  assert.deepEqual(read("\x1b[38;2;999;2;3mx"), ["x"]);
  assert.deepEqual(read("\x1b[38mx"), ["x"]);
});

test("a sequence may come in pieces", () => {
  assert.deepEqual(read("a\x1b", "[3", "1mb"), ["a", ["b", { fg: 1 }]]);
  assert.equal(text("a\x1b]0;ti", "tle\x1b", "\\b"), "ab");
});

for (const [what, escape] of /** @type {[string, string][]} */ ([
  ["clearing the screen", "\x1b[2J"],
  ["moving the cursor", "\x1b[10;10H\x1b[1A\x1b[?25l"],
  ["a full reset", "\x1bc"],
  ["choosing a character set", "\x1b(0"],
  ["a title that ends with a bell", "\x1b]0;title\x07"],
  ["a title that ends with ST", "\x1b]2;title\x1b\\"],
  ["a link", "\x1b]8;;https://evil.example/\x1b\\"],
  ["the clipboard", "\x1b]52;c;ZXZpbA==\x07"],
  ["a device control string", "\x1bP$q\"p\x1b\\"],
  ["an application command", "\x1b_Gf=24;AAAA\x1b\\"],
  ["a question to the terminal", "\x1b[6n\x1b[>0c\x1b[5i"],
  ["private modes that look like colors", "\x1b[?1m\x1b[>4;2m"],
  ["C1 controls", "\x9b31;1H\x9d0;title\x9c\x84"],
  ["bells, backspaces, nulls", "\x07\x08\x00\x7f\x0b\x0c"],
])) {
  test(`dropped: ${what}`, () => assert.deepEqual(read(`${escape}x`), ["x"]));
}

test("a string without an end hides no more than its own line", () => {
  assert.equal(text("a\x1b]0;never ends\nshown"), "a\nshown");
});

test("a sequence that breaks off does not take what follows", () => {
  assert.equal(text("\x1b[31\nshown"), "\nshown");
});

test("a sequence that never ends is not gathered", () => {
  assert.equal(text(`\x1b[${"1;".repeat(100_000)}`, "x"), "x");
});

test("very many parameters are cut short", () => {
  assert.deepEqual(read(`\x1b[${"0;".repeat(100)}31mx`), ["x"]);
});
