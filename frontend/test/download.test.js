import assert from "node:assert/strict";
import { test } from "node:test";

import { columns } from "../src/table/columns.js";
import { cell, csv, json, write } from "../src/table/download.js";
import { row } from "../src/table/rows.js";
import { Situation } from "../src/ui/situation.js";

/** @param {string} id @param {object} [more] */
const job = (id, more = {}) => row({ id, revision: 1, state: "RUN", status: "RUN", t_submit: 0, t_run: 1, ...more });

test("nothing in a cell is a formula, whatever a spreadsheet separates by", () => {
  for (const [text, safe] of /** @type {[string | number, string][]} */ ([
    ["=1+1", "'=1+1"],
    ["+x", "'+x"],
    ["@x", "'@x"],
    ["-x", "'-x"],
    ["  =x", "'  =x"],
    ["\t=x", "\"'\t'=x\""],
    ["\uff1dx", "'\uff1dx"],
    ["a;=x", "\"a;'=x\""],
    ["a\n=x", "\"a\n'=x\""],
    ['say "a", b', '"say ""a"", b"'],
    [-9, "-9"],
    ["-9.5", "-9.5"],
    ["plain", "plain"],
  ])) assert.equal(cell(text), safe);
});

test("a table has what programs read: whole times, seconds", async () => {
  const shown = columns(new Situation()).filter(({ key }) => ["id", "runtime", "submitted"].includes(key));
  const text = (await write([job("fA")], csv(shown, 3.5))).join("");
  assert.equal(text, "Job ID,Runtime,Submitted\r\nfA,2.5,1970-01-01T00:00:00.000Z\r\n");
});

test("the jobs of one request have their numbers in a column of its own", async () => {
  const shown = columns(new Situation()).filter(({ key }) => ["id", "name"].includes(key));
  const rows = [job("fA", { name: "mc", cc: "13" }), job("fB", { name: "mc" })];
  assert.equal((await write(rows, csv(shown, 0))).join(""), "Job ID,Name,Number\r\nfA,mc,13\r\nfB,mc,\r\n");
  assert.equal(JSON.parse((await write(rows, json(0))).join(""))[0].cc, "13");
});

test("a list of jobs is JSON, and leaves out what is not known", async () => {
  const text = (await write([job("fA"), job("fB", { name: "</script>" })], json(3))).join("");
  const [first, second] = JSON.parse(text);
  assert.deepEqual([first.id, first.runtime, "name" in first, "returncode" in first], ["fA", 2, false, false]);
  assert.equal(second.name, "</script>");
  assert.deepEqual(JSON.parse((await write([], json(0))).join("")), []);
});

test("the page has its turn between the pieces of a large table", async () => {
  let turns = 0;
  const rows = Array.from({ length: 10_000 }, (_, n) => job(`f${n}`));
  const parts = await write(rows, json(0), async () => void turns++);
  assert.equal(turns, 10);
  assert.equal(JSON.parse(parts.join("")).length, 10_000);
});
