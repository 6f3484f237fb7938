import assert from "node:assert/strict";
import { test } from "node:test";

import { queryOf } from "../src/submit/constraint.js";
import { parse, write } from "../src/submit/form.js";

test("a constraint is shown as the query that gives it", () => {
  assert.equal(queryOf({ properties: ["fast"] }), "fast");
  assert.equal(queryOf({ properties: ["a", "b"] }), "a & b");
  assert.equal(queryOf({ and: [{ hostlist: ["n[0-3]", "m1"] }, { not: [{ properties: ["slow"] }] }] }), "host:n[0-3],m1 & (-slow)");
  assert.equal(queryOf({ or: [{ properties: ["a", "b"] }, { ranks: ["0-3"] }] }), "(a & b) | rank:0-3");
  assert.equal(queryOf({ not: [{ or: [{ properties: ["a"] }, { properties: ["b"] }] }] }), "not (a | b)");
});

test("a constraint that no query can express stays JSON", () => {
  const odd = [{ properties: ["a b"] }, { properties: ["-a"] }, { properties: ["not"] }, { properties: ["a:b"] }, { properties: [1] }, { x: [] }, { properties: ["a"], ranks: ["0"] }, [], null, "a"];
  for (const it of odd) assert.equal(queryOf(it), undefined, JSON.stringify(it));
  assert.equal(write("query", { properties: ["a b"] }), JSON.stringify({ properties: ["a b"] }, null, 2));
});

test("a query is sent as it is typed, an object as JSON", () => {
  assert.equal(parse("query", " fast & -gpu "), "fast & -gpu");
  assert.deepEqual(parse("query", '{"properties": ["a"]}'), { properties: ["a"] });
  assert.equal(write("query", "fast"), "fast");
});
