/** Colors and indentation of the editor of scripts, and files that go along. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { entryOf, withFiles } from "../src/submit/attachments.js";
import { colored, indented } from "../src/submit/code_view.js";

/** @param {string} line @param {boolean} [isFirst] */
const colors = (line, isFirst = false) => colored(line, isFirst).map(({ text, color }) => [text, color ?? ""]);

test("all of a line is in its pieces, whatever it is", () => {
  for (const line of ["", "a", "'", '"a\\', "$", "a#b", "x # y", "echo \"$A\" '$B' ${C} # end", "\t#flux: -N1"]) {
    assert.equal(colored(line, false).map(({ text }) => text).join(""), line);
  }
});

test("the interpreter, directives, comments, strings and variables have their colors", () => {
  assert.deepEqual(colors("#!/bin/sh", true), [["#!/bin/sh", "interpreter"]]);
  assert.deepEqual(colors("#FLUX: -N2"), [["#FLUX: -N2", "directive"]]);
  assert.deepEqual(colors("a#b 'x # y' ${HOME} # z"), [["a#b ", ""], ["'x # y'", "string"], [" ", ""], ["${HOME}", "variable"], [" ", ""], ["# z", "comment"]]);
});

test("a long hostile line takes no time to speak of", () => {
  const begin = performance.now();
  colored('"\\'.repeat(2000), false);
  colored("'".repeat(3999), false);
  assert.ok(performance.now() - begin < 500);
});

test("lines of a selection move to the right and back, and the selection with them", () => {
  const text = "a\n  b\nc";
  const there = indented(text, 1, 5, false);
  const moved = text.slice(0, there.from) + there.lines + text.slice(there.to);
  assert.equal(moved, "    a\n      b\nc");
  const back = indented(moved, there.start, there.end, true);
  assert.equal(moved.slice(0, back.from) + back.lines + moved.slice(back.to), text);
  assert.deepEqual([back.start, back.end], [1, 5]);
});

test("a selection that ends before a line leaves that line alone", () => {
  const { lines, to } = indented("a\nb\n", 0, 2, false);
  assert.deepEqual([lines, to], ["    a", 1]);
});

test("a script with tabs is indented by tabs", () => {
  assert.equal(indented("\ta\nb", 3, 4, false).lines, "\tb");
});

test("a file is text where it is text, else base64, and a script can be run", () => {
  const bytes = (/** @type {string} */ text) => new TextEncoder().encode(text);
  assert.deepEqual(entryOf(bytes("ü\n")), { mode: 0o100600, size: 3, encoding: "utf-8", data: "ü\n" });
  assert.equal(entryOf(bytes("#!/bin/sh\n")).mode, 0o100700);
  assert.deepEqual(entryOf(Uint8Array.of(0, 255)), { mode: 0o100600, size: 2, encoding: "base64", data: "AP8=" });
  assert.equal(entryOf(bytes("\ufeffa")).data, "\ufeffa");
});

test("files are beside the attributes that somebody has typed", () => {
  const job = { command: "x", attributes: { "user.k": 1, "system.files": { a: 1 } } };
  assert.deepEqual(withFiles(job, { b: 2 }), { command: "x", attributes: { "user.k": 1, "system.files": { a: 1, b: 2 } } });
  assert.equal(withFiles(job, undefined), job);
});
