import assert from "node:assert/strict";
import { test } from "node:test";

import { Matches } from "../src/job/matches.js";

/** @param {number} number @param {string} text @param {number} [fixed] */
const line = (number, text, fixed = number) => ({ number, text, source: 0, fixed });

/** @param {{ fixed: number }} line */
const numberOf = ({ fixed }) => fixed;

test("the current match stays current when lines are read before it", () => {
  const matches = new Matches();
  matches.ask("a", [line(0, "a a", 101), line(1, "a", 102)]);
  matches.step(1);
  matches.step(1);
  assert.deepEqual(matches.current, { number: 0, start: 2, end: 3 });
  // A page counts its lines otherwise than the end of the output does.
  matches.search([line(100, "a"), line(101, "a a"), line(102, "a")], numberOf);
  assert.equal(matches.at, 2);
  assert.deepEqual(matches.current, { number: 101, start: 2, end: 3 });
  matches.search([line(100, "a")], numberOf);
  assert.equal(matches.current, undefined);
});

test("a line that is gone to makes its match current", () => {
  const matches = new Matches();
  matches.ask("a", [line(1, "a"), line(2, "b"), line(3, "a")]);
  matches.enter(3);
  assert.equal(matches.at, 1);
  matches.enter(2);
  assert.equal(matches.at, 1);
  matches.leave();
  matches.step(-1);
  assert.equal(matches.at, 1);
});
