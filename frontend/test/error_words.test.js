/** Which lines report an error: the cases are those of the search of the service. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { isError } from "../src/job/error_words.js";

/** As tests/handlers/test_output_lines.py has them, too. */
const { errors, harmless } = JSON.parse(readFileSync(new URL("error_lines.json", import.meta.url), "utf8"));

test("lines with the words of errors are told from others", () => {
  assert.deepEqual(errors.filter((/** @type {string} */ line) => !isError(line)), []);
  assert.deepEqual(harmless.filter((/** @type {string} */ line) => isError(line)), []);
});

test("a long line takes no long time", () => {
  for (const piece of ["error ", "no error: 0 ", "a", " \t=", "Error"]) assert.equal(typeof isError(piece.repeat(4096)), "boolean");
});
