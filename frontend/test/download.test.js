import assert from "node:assert/strict";
import { test } from "node:test";

import { columns } from "../src/table/columns.js";
import { cell, columnsOf, csv, json, write } from "../src/table/download.js";
import { Choice } from "../src/table/column_settings.js";
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
    ["\u00a0=x", "'\u00a0=x"],
    ["\u200b\ufeff=x", "'\u200b\ufeff=x"],
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

test("a table has the end and the group of the jobs, and no column without a value", async () => {
  const choice = new Choice(columns(new Situation()), ["id", "name"], [], "-id");
  const titles = (/** @type {import("../src/table/rows.js").Row[]} */ rows) => csv(columnsOf(choice, rows, 0), 0).head.trim();
  assert.equal(titles([job("fA")]), "Job ID,Name");
  assert.equal(titles([job("fA", { cc: "1" })]), "Job ID,Name,Number");
  const ended = job("fB", { state: "INACTIVE", returncode: 2, t_inactive: 9, group: "fG", group_name: "sweep" });
  const rows = [job("fA"), ended];
  const text = (await write(rows, csv(columnsOf(choice, rows, 0), 0))).join("");
  assert.equal(text, "Job ID,Name,Group,Exit code,Ended\r\nfA,,,,\r\nfB,,sweep,2,1970-01-01T00:00:09.000Z\r\n");
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
