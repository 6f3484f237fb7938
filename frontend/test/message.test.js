import assert from "node:assert/strict";
import { test } from "node:test";

import { fieldMessage, warningsOf } from "../src/ui/message.js";
import { inForm } from "../src/submit/script.js";
import { detailOf } from "../src/ui/problem.js";

test("an invalid field is explained by its code, with the sentences in it", () => {
  const form = { section: "forms", detail: "x", code: "integer_within", params: { low: 1, high: 2147483647 } };
  const error = { detail: "x", code: "must_be", params: { form, value: '"y"' } };
  assert.equal(fieldMessage(error), 'must be a whole number from 1 to 2,147,483,647, not "y".');
  assert.equal(fieldMessage({ detail: "x", code: "needs_one_of", params: { options: ["a", "b"] } }), "needs a or b.");
  // A sentence in it that the page does not know stays in the words of the service.
  const later = { ...error, params: { form: { section: "forms", detail: "a later form", code: "later", params: {} }, value: "5" } };
  assert.equal(fieldMessage(later), "must be a later form, not 5.");
  assert.equal(fieldMessage({ detail: "in English", code: "later", params: {} }), "in English");
  assert.equal(fieldMessage({ detail: "in English" }), "in English");
});

test("a warning is said by its code, or as the service says it", () => {
  const place = { section: "warnings", detail: "Line 3", code: "one_line", params: { line: "3" } };
  const [known, later] = warningsOf({ warnings: ["x", "y"], warning_codes: [{ code: "almost_directive", params: { place } }, { code: "later", params: {} }] });
  assert.match(known ?? "", /^Line 3: Flux ignores this as a comment/);
  assert.equal(later, "y");
  assert.deepEqual(warningsOf({ warnings: ["z"] }), ["z"]);
  assert.deepEqual(warningsOf({}), []);
});

test("the form says how it wraps a script, not a request", () => {
  const advice = { section: "fields", detail: "wrap=true puts #!/bin/sh in front.", code: "wrap_advice", params: {} };
  const why = { section: "fields", detail: "x", code: "script_no_program", params: { first: "'echo'", advice } };
  for (const error of [{ ...why }, { detail: "x", code: "line", params: { line: "1", why } }]) {
    assert.match(inForm(error), /not 'echo'; check “Run by \/bin\/sh” to put #!\/bin\/sh in front\.$/);
  }
});

test("a page says what to do there, in place of a command", () => {
  const problem = { detail: "Enable it: fluxapi webhook enable w1", code: "webhook_disabled", params: { name: "a", id: "w1" } };
  assert.equal(detailOf(problem), "The webhook a is disabled. Enable it on the page of webhooks first.");
});

test("invalid fields are counted in the language of the page", () => {
  const errors = (/** @type {number} */ count) => ({ type: "/docs/errors#validation-failed", title: "Validierung", detail: "x", errors: Array(count).fill({ pointer: "", detail: "y" }) });
  assert.equal(detailOf(errors(1)), "1 field is not valid.");
  assert.equal(detailOf(errors(20)), "20 fields or more are not valid; the first 20 follow.");
});
