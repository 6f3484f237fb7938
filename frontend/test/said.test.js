import assert from "node:assert/strict";
import { test } from "node:test";
import { Said } from "../src/job/said.js";

const isOver = (/** @type {Record<string, any>} */ { state }) => state === "INACTIVE";

test("a text stays until the record answers it", () => {
  const where = { textContent: "" };
  const said = new Said(where);
  said.tell("Canceling …", isOver);
  said.become({ state: "RUN" });
  assert.equal(where.textContent, "Canceling …");
  said.become({ state: "INACTIVE" });
  assert.equal(where.textContent, "");
});

test("a text that the record has answered before is not shown", () => {
  const where = { textContent: "" };
  const said = new Said(where);
  said.become({ state: "INACTIVE" });
  said.tell("Canceling …", isOver);
  assert.equal(where.textContent, "");
});

test("a confirmation passes, and takes no later text with it", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const where = { textContent: "", className: "" };
  const said = new Said(where);
  said.pass("Copied.");
  context.mock.timers.tick(4999);
  assert.equal(where.textContent, "Copied.");
  // It stands over the page, so that nothing moves.
  assert.equal(where.className, "notice floating");
  context.mock.timers.tick(1);
  assert.equal(where.textContent, "");
  said.pass("Copied.");
  said.tell("It failed.");
  assert.equal(where.className, "");
  context.mock.timers.tick(9999);
  assert.equal(where.textContent, "It failed.");
});
